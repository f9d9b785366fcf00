"""What steers completions: a caption or a picture, as features of the encoder that the weights were trained with."""

from __future__ import annotations

import torch

from pointsra.errors import SettingsError
from pointsra.networks.mean_flow_transformer import FlowCondition
from pointsra.reconstruction.request import ReconstructRequest
from pointsra.training.weights import ModelDescription


def flow_condition(
    request: ReconstructRequest, description: ModelDescription, device: torch.device
) -> FlowCondition | None:
    """The features of ``request.text`` and ``request.image``, None where neither is given.

    Raises:
        SettingsError: the weights know no such features, or those of another encoder. InputFileError: no picture.
    """
    if request.text is None and request.image is None:
        return None
    # Few ask for this, and it brings HDF5 along.
    from pointsra.data.conditions import encode_captions, encode_views
    from pointsra.data.views import image_as_view

    image = text = None
    if request.text is not None:
        _require_encoder(description, "text", description.sizes.text_dim)
        text = torch.from_numpy(encode_captions([request.text])).to(device)
    if request.image is not None:
        _require_encoder(description, "image", description.sizes.image_dim)
        image = torch.from_numpy(encode_views(image_as_view(request.image)[None, None])).to(device)
    return FlowCondition(image=image, text=text)


def _require_encoder(description: ModelDescription, kind: str, width: int) -> None:
    """Features must come from the very encoder that the weights were trained with."""
    from pointsra.data.conditions import builtin_encoder

    known = description.encoders.get(kind)
    builtin = builtin_encoder()
    if not width or known is None:
        raise SettingsError(f"These weights were trained without {kind} features: leave out --{kind}.")
    if (known["name"], known["sha256"]) != (builtin.name, builtin.sha256):
        raise SettingsError(
            f"These weights know {kind} features of encoder {known['name']} {known['version']}, which is not at hand "
            f"(the built-in one is {builtin.name} {builtin.version}): leave out --{kind}."
        )
