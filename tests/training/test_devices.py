"""What is said of a precision that this processor does not have."""

from __future__ import annotations

import pytest
import torch

from pointsra.training.devices import precision_note

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("precision", "device", "capability", "said"),
    [
        ("bf16", CPU, "AVX2", True),
        ("bf16", CPU, "AVX512", False),
        ("bf16", CPU, "DEFAULT", False),
        ("auto", CPU, "AVX2", False),
        ("fp32", CPU, "AVX2", False),
        ("bf16", CUDA, "AVX2", False),
    ],
)
def test_bf16_on_a_cpu_without_it_is_warned_of(monkeypatch, precision, device, capability, said):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    note = precision_note(precision, device)
    assert bool(note) == said
    assert not said or "runtime.precision=fp32" in note
