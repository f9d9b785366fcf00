"""Write an encoder for others: as safetensors, as Point-MAE's checkpoint, as ONNX.

What is written is the encoder alone, without decoder and flow. All three are written beside their place and renamed.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from pointsra.data.replacing import replacing
from pointsra.errors import MissingExtraError, SettingsError, WorkFailedError
from pointsra.networks.masked_autoencoder import CloudEncoder
from pointsra.networks.point_sra import encoder_sizes
from pointsra.ops.patches import Patches
from pointsra.training.peer_keys import PREFIXES, QUERY_NAMES, is_convolution, their_name
from pointsra.training.torch_files import write_torch_file
from pointsra.training.weights import ModelDescription, save_weights

_PEER_WIDTHS = (128, 256, 512)  # of Point-MAE's patch embedding, fixed in its code
_OPSET = 18


class PatchFeatures(nn.Module):
    """Patches in, features out, as plain tensors: what the ONNX file computes."""

    def __init__(self, encoder: CloudEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, centers: Tensor, neighborhoods: Tensor) -> tuple[Tensor, Tensor]:
        """Encode whole clouds.

        Args:
            centers: (B, V, 3) in the unit frame.
            neighborhoods: (B, V, K, 3) relative to their centers.

        Returns:
            Patch tokens (B, V, C), and their mean plus maximum (B, C).
        """
        tokens = self.encoder(Patches(centers, neighborhoods)).patches
        return tokens, tokens.mean(dim=1) + tokens.amax(dim=1)


def export_encoder(encoder: CloudEncoder, description: ModelDescription, path: Path, layout: str) -> Path:
    """Write ``encoder`` to ``path``.

    Args:
        encoder: in eval mode; it is written from the CPU.
        description: of the weights that it came with.
        path: the file; an older one is replaced.
        layout: a key of :data:`LAYOUTS`, whose file ending ``path`` has.

    Returns:
        ``path``.

    Raises:
        SettingsError: unknown layout, another file ending, or an encoder that the layout cannot hold.
        MissingExtraError: ONNX without its packages. OutputError: the file cannot be written.
    """
    if layout not in LAYOUTS:
        raise SettingsError(f'layout "{layout}" is not known: write one of {", ".join(LAYOUTS)}.')
    ending, write = LAYOUTS[layout]
    if path.suffix != ending:
        raise SettingsError(f"{path}: a file of layout {layout} ends in {ending}.")
    write(encoder, description, path)
    return path


def _write_safetensors(encoder: CloudEncoder, description: ModelDescription, path: Path) -> None:
    """Under our names, loaded by this tool wherever weights are named; ``<name>.json`` stands beside it."""
    sizes = description.sizes
    alone = encoder_sizes(
        sizes.dim,
        sizes.depth,
        sizes.heads,
        sizes.patch_widths,
        sizes.patch_size,
        sizes.queries,
        sizes.query_blocks,
        sizes.sine_positions,
        sizes.embedding_dim,
        sizes.hierarchy,
    )
    tensors = {f"encoder.{name}": value for name, value in encoder.state_dict().items() if value.numel()}
    save_weights(path.parent, tensors, replace(description, sizes=alone, flow={}), path.stem)


def _write_point_mae(encoder: CloudEncoder, description: ModelDescription, path: Path) -> None:
    """Point-MAE's pre-training checkpoint: ``base_model`` with ``MAE_encoder.`` before each name.

    The query tokens go along under ReCon's names; Point-MAE's classifier takes the cls token and leaves the others.
    """
    sizes = description.sizes
    other = sizes.query_blocks or sizes.sine_positions or sizes.embedding_dim or sizes.hierarchy
    if sizes.patch_widths != _PEER_WIDTHS or other:
        own = sizes.patch_widths if sizes.patch_widths != _PEER_WIDTHS else "another form of blocks or positions"
        raise SettingsError(
            f"{path}: Point-MAE's code knows patch widths {_PEER_WIDTHS} and its own blocks and positions only, and "
            f"this encoder has {own}: export it as safetensors or onnx."
        )
    prefix, state = next(iter(PREFIXES)), {}
    for ours, value in encoder.state_dict().items():
        value = value.detach().cpu().clone()
        theirs = their_name(ours)
        if theirs is not None:
            state[prefix + theirs] = value.unsqueeze(-1) if is_convolution(ours) else value
        else:
            ending = {"query_tokens": "token", "query_positions": "pos"}[ours]
            for query, row in zip(QUERY_NAMES, value.split(1, dim=1) if value.numel() else (), strict=False):
                state[f"{prefix}{query}_{ending}"] = row.clone()
    # Point-MAE's loader looks at base_model alone; the note is for ours, since shapes tell neither heads nor frame.
    noted = {"heads": sizes.heads, "patches": dict(description.patches), "frame": description.frame}
    noted["tool_version"] = description.tool_version
    whole = {"base_model": state, "epoch": 0, "metrics": {}, "best_metrics": {}, "pointsra": noted}
    write_torch_file(whole, path)


def _write_onnx(encoder: CloudEncoder, description: ModelDescription, path: Path) -> None:
    """One file; the number of clouds is free, the numbers of patches and of their points are those of training."""
    try:
        import onnx
        import onnxscript
    except ImportError:
        raise MissingExtraError("Export to ONNX needs its packages: pip install 'pointsra[export]'.") from None
    del onnx, onnxscript
    if description.sizes.hierarchy is not None:
        raise SettingsError(f"{path}: an encoder of several scales has no form in ONNX here: export it as safetensors.")
    groups, size = description.patches["groups"], description.patches["size"]
    network = PatchFeatures(encoder).eval()
    device = next(encoder.parameters()).device
    example = (torch.zeros(2, groups, 3, device=device), torch.rand(2, groups, size, 3, device=device))
    clouds = {0: torch.export.Dim("clouds", min=1)}
    with replacing(path) as partial, _quiet():
        try:
            torch.onnx.export(
                network,
                example,
                str(partial),
                input_names=["centers", "neighborhoods"],
                output_names=["patches", "feature"],
                opset_version=_OPSET,
                dynamo=True,
                dynamic_shapes={"centers": clouds, "neighborhoods": clouds},
                external_data=False,
                verbose=False,
            )
        except torch.onnx.OnnxExporterError:
            raise WorkFailedError(
                f"{path}: torch {torch.__version__} cannot export the encoder for any number of clouds: update torch."
            ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks (torchvision is not there, names of axes) from the terminal."""
    speaker = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = speaker.level
    speaker.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        speaker.setLevel(level)


Writer = Callable[[CloudEncoder, ModelDescription, Path], None]
LAYOUTS: dict[str, tuple[str, Writer]] = {
    "safetensors": (".safetensors", _write_safetensors),
    "point-mae": (".pth", _write_point_mae),
    "onnx": (".onnx", _write_onnx),
}
"""File ending and writer by layout."""
