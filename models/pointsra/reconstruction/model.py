"""The library's front door: weights as an object that embeds and completes arrays, and can be handed on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from pointsra.networks.point_sra import PointSRA
from pointsra.ops.cleaning import stray_points
from pointsra.ops.randomness import stream
from pointsra.ops.sampling import farthest_point_indices, gather_points, random_indices
from pointsra.ops.transforms import unit_frame
from pointsra.ops.up_axis import UP_AXES, to_y_up
from pointsra.reconstruction.export import export_encoder
from pointsra.reconstruction.framing import LARGEST
from pointsra.reconstruction.outcome import Completions
from pointsra.reconstruction.reconstruct import complete_points
from pointsra.reconstruction.request import ReconstructRequest
from pointsra.training.devices import resolve_device
from pointsra.training.frozen_features import frozen_feature_dim, frozen_features
from pointsra.training.weights import ModelDescription, load_point_sra, packaged_weights

_WORKING_POINTS = 8192
_CLOUDS_AT_ONCE = 64


@dataclass(frozen=True)
class Model:
    """Pre-trained weights, ready to use. Made by :func:`load`.

    Attributes:
        network: in eval mode.
        description: what is known of the weights.
        device: where it computes.
        source: where the weights came from.
    """

    network: PointSRA
    description: ModelDescription
    device: torch.device
    source: Path

    @property
    def dim(self) -> int:
        """Width D of an embedding."""
        return frozen_feature_dim(self.description)

    @torch.no_grad()
    def embed(self, points: ArrayLike | Tensor, up: str = "y") -> NDArray[np.float32] | Tensor:
        """One feature a cloud: mean and maximum of its patch tokens at two scales, averaged over turns about y.

        Args:
            points: (N, 3) or (B, N, 3), any N ≥ 1, any frame and unit. Array (of any real type and layout), lists or
                tensor. Stray points far from the others (``ops.cleaning``) are left out. Above the number of points
                that patches are cut from (2,048 in the package), which ones those are hangs on the order.
            up: which axis points up, as in :meth:`reconstruct`.

        Returns:
            (D,) or (B, D), an array for an array and a tensor (on the model's device) for a tensor. A cloud has the
            same feature wherever it stands in a batch.

        Raises:
            ValueError: another shape, no points, values that are not real and finite, or beyond single precision; an
                axis that is none of ``ops.up_axis.UP_AXES``.
        """
        if up not in UP_AXES:
            raise ValueError(f"up must be one of {', '.join(UP_AXES)}, not {up!r}")
        given = _in_double(points)
        if given.ndim not in (2, 3) or given.shape[-1] != 3 or 0 in given.shape:
            raise ValueError(f"points must be (N, 3) or (B, N, 3) with N ≥ 1, not {tuple(given.shape)}")
        if not bool(torch.isfinite(given).all()):
            raise ValueError("points must be finite")
        clouds = given[None] if given.ndim == 2 else given
        extents = (clouds.amax(dim=1) - clouds.amin(dim=1)).amax(dim=1)
        if float(clouds.abs().max()) > LARGEST or bool(((extents > 0) & (extents < 1.0 / LARGEST)).any()):
            raise ValueError(f"points must lie within {LARGEST:g} and span more than its inverse: which unit is it?")
        clouds = torch.from_numpy(to_y_up(clouds.numpy(), up))
        clouds = torch.stack([_without_stray(cloud) for cloud in clouds])
        features = torch.cat([self._embed(part) for part in clouds.split(_CLOUDS_AT_ONCE)])
        features = features[0] if given.ndim == 2 else features
        return features if isinstance(points, Tensor) else features.cpu().numpy()

    def reconstruct(self, points: NDArray[np.floating], samples: int = 8, **options: object) -> Completions:
        """Draw completions of a cloud.

        Args:
            points: (N, 3), any frame and unit, y up unless ``up`` says otherwise.
            samples: S.
            options: ``steps``, ``hide``, ``ratio``, ``missing``, ``text``, ``image``, ``guidance``,
                ``temperature``, ``points_generated``, ``up``, ``seed`` as in :class:`ReconstructRequest`.

        Returns:
            Everything that the command writes, as arrays.

        Raises:
            SettingsError, InputFileError: as :func:`pointsra.reconstruction.reconstruct`.
        """
        request = ReconstructRequest(
            input=Path("array"),
            samples=samples,
            weights=self.source,
            device=self.device,
            **options,  # type: ignore[arg-type]
        )
        return complete_points(request, np.asarray(points, dtype=np.float64), self.network, self.description)

    def export(self, path: str | Path, layout: str = "safetensors") -> Path:
        """Write the encoder, without decoder and flow, for others to use.

        Args:
            path: the file; an older one is replaced.
            layout: ``safetensors`` (``.safetensors``; this tool loads it wherever weights are named), ``point-mae``
                (``.pth``; a pre-training checkpoint as Point-MAE's own code loads it) or ``onnx`` (``.onnx``; centers
                (B, V, 3) and neighborhoods (B, V, K, 3) in, patch tokens (B, V, C) and their mean plus maximum (B, C)
                out, any B).

        Returns:
            The path.

        Raises:
            SettingsError: unknown layout or another file ending, or an encoder that Point-MAE's code cannot hold.
            MissingExtraError: ONNX without the extra ``export``. OutputError: the file cannot be written.
        """
        return export_encoder(self.network.encoder, self.description, Path(path), layout)

    def _embed(self, clouds: Tensor) -> Tensor:
        """(B, N, 3) float64 on the CPU → (B, D)."""
        wanted, held = self.description.patches["points"], clouds.shape[1]
        clouds = unit_frame(clouds).to_unit(clouds).float()
        if held > _WORKING_POINTS:
            drawn = random_indices(1, held, _WORKING_POINTS, stream(0, "embed"))  # the same of every cloud
            clouds = gather_points(clouds, drawn.expand(len(clouds), -1))
        clouds = clouds.to(self.device)
        if held > wanted:
            clouds = gather_points(clouds, farthest_point_indices(clouds, wanted))
        elif held < wanted:
            clouds = clouds[:, torch.arange(wanted, device=self.device) % held]
        return frozen_features(self.network.encoder, self.description, clouds)


def _in_double(points: ArrayLike | Tensor) -> Tensor:
    """Points as float64 on the CPU, whatever they are held in: torch alone takes neither arrays that run backward or
    have bytes in another order, nor any type of numpy's."""
    if not isinstance(points, Tensor):
        kind = np.complex128 if np.iscomplexobj(points) else np.float64
        try:
            with np.errstate(over="ignore"):  # what double precision cannot hold becomes infinite, which is refused
                points = torch.from_numpy(np.array(points, dtype=kind))
        except (TypeError, OverflowError) as cause:
            raise ValueError(f"points must be real and finite numbers ({cause})") from cause
    if points.is_complex():
        raise ValueError("points must be real")
    return points.detach().cpu().double()


def _without_stray(cloud: Tensor) -> Tensor:
    """A cloud (N, 3) with its first other points in the place of stray ones."""
    stray = torch.from_numpy(stray_points(cloud.numpy()))
    kept = cloud[~stray]
    return torch.cat([kept, kept[: int(stray.sum())]])


def load(weights: str | Path | None = None, device: str | torch.device = "auto") -> Model:
    """Load pre-trained weights.

    Args:
        weights: a run folder, a ``.safetensors`` file, or a pre-training checkpoint of Point-MAE, PointDif, ACT,
            PCP-MAE or ReCon, which embeds and has no flow to complete with; None takes the small weights in the
            package.
        device: "auto", "cpu", "cuda" or "cuda:N", or a device of torch.

    Raises:
        CheckpointError: missing, damaged or not pre-trained weights. DeviceError: no such device.
    """
    source = packaged_weights() if weights is None else Path(weights)
    place = resolve_device(str(device))
    network, description = load_point_sra(source, place)
    return Model(network, description, place, source)
