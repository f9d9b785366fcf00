"""Names of the encoder's tensors in the Point-MAE family's checkpoints, and here.

The family shares one naming (Point-MAE, Pang et al., 2022): ``encoder.first_conv`` and ``encoder.second_conv`` embed a
patch, ``pos_embed`` the centers, ``blocks.blocks.N`` mix, ``norm`` ends. Each wraps it in a prefix of its own. Read in
the repositories Pang-Yatian/Point-MAE, zhengxiaozx/PointDif, RunpeiDong/ACT, aHapBean/PCP-MAE and qizekun/ReCon.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

PREFIXES = MappingProxyType({"MAE_encoder.": "Point-MAE", "mask_encoder.": "PointDif", "ACT_encoder.": "ACT"})
"""What stands before an encoder's names, and the family that writes it. PCP-MAE and ReCon write Point-MAE's."""

QUERY_NAMES = ("cls", "img", "text")
"""Query tokens in our order; their tensors are ``<name>_token`` and ``<name>_pos``."""

_STEMS = (  # (theirs, ours)
    ("encoder.first_conv.0.", "embedding.first.0."),
    ("encoder.first_conv.1.", "embedding.first.1."),
    ("encoder.first_conv.3.", "embedding.first.3."),
    ("encoder.second_conv.0.", "embedding.joined."),
    ("encoder.second_conv.1.", "embedding.second.0."),
    ("encoder.second_conv.3.", "embedding.second.2."),
    ("pos_embed.", "positions.layers."),
    ("blocks.blocks.", "transformer.blocks."),
    ("norm.", "norm."),
)
_CONVOLUTIONS = frozenset(f"embedding.{layer}.weight" for layer in ("first.0", "first.3", "joined", "second.2"))
_RECON_BRANCH = (  # parts of a block's name: (ReCon's, ours)
    ("norm1_contrast", "query_norm1"),
    ("norm2_contrast", "query_norm2"),
    ("attn_contrast", "query_attn"),
    ("mlp_contrast", "query_mlp"),
)

# Beside an encoder's tensors, under the same prefix: what pre-training alone uses.
PRETRAINING_ONLY = ("mask_pos_token", "lm_head.", "cls_head.")


@dataclass(frozen=True)
class OtherLayout:
    """A checkpoint of the field that is not an encoder of this family.

    Attributes:
        sign: what begins the name of one of its tensors.
        what: what it is, as a sentence goes on after "is".
    """

    sign: str
    what: str


OTHER_LAYOUTS = (
    OtherLayout("cls_head_finetune.", "a fine-tuned classifier: --init takes the checkpoint of pre-training"),
    OtherLayout("propagation_0.", "a fine-tuned segmentation network: --init takes the checkpoint of pre-training"),
    OtherLayout("label_conv.", "a fine-tuned segmentation network: --init takes the checkpoint of pre-training"),
    OtherLayout("transformer_q.", "of Point-BERT or MaskPoint, whose patch embedding this encoder does not have"),
    OtherLayout("GPT_Transformer.", "of PointGPT, whose blocks compute something else"),
    OtherLayout("h_encoder.", "of Point-M2AE, whose encoder has several scales"),
    OtherLayout("dvae_tokenizer.", "of ACT without its encoder"),
    OtherLayout("codebook", "a tokenizer (dVAE), not an encoder"),
    OtherLayout("dgcnn_1.", "a tokenizer (dVAE), not an encoder"),
)


def our_name(theirs: str) -> str | None:
    """Our name of an encoder tensor named as in Point-MAE without prefix; None where it is none."""
    for stem, ours in _STEMS:
        if theirs.startswith(stem):
            name = ours + theirs[len(stem) :]
            for recon, branch in _RECON_BRANCH:
                name = name.replace(f".{recon}.", f".{branch}.")
            return name
    return None


def their_name(ours: str) -> str | None:
    """Point-MAE's name, without prefix, of a tensor of our encoder; None for the query tokens."""
    for theirs, stem in _STEMS:
        if ours.startswith(stem):
            return theirs + ours[len(stem) :]
    return None


def is_convolution(ours: str) -> bool:
    """Whether the peers keep this linear layer's weight as a 1×1 convolution, with an axis of length 1 behind."""
    return ours in _CONVOLUTIONS
