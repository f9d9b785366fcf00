"""The ablation's and the generators' presets differ by what their names say, and by nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pointsra.settings import load_preset
from pointsra.training.assembly import build_point_sra, point_sra_sizes

TERMS = {
    "ablation-baseline": {"reconstruction"},
    "ablation-meanflow": {"reconstruction", "mean_flow", "cross_modal"},
    "ablation-mae-sra": {"reconstruction", "mean_flow", "cross_modal", "mae_sra"},
    "ablation-mft-sra": {"reconstruction", "mean_flow", "cross_modal", "mft_sra"},
    "ablation-full": {"reconstruction", "mean_flow", "cross_modal", "mae_sra", "mft_sra"},
}
GENERATORS = {"flow-ddpm": "ddpm", "flow-rectified": "rectified_flow", "flow-meanflow": "meanflow"}


def flat(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def differing(first: str, second: str) -> set[str]:
    """Fields that differ between two shipped presets, their descriptions apart."""
    one, two = (dict(flat(load_preset(name).model_dump(exclude={"description"}))) for name in (first, second))
    return {name for name in one.keys() | two.keys() if one.get(name) != two.get(name)}


@pytest.mark.parametrize("name", TERMS)
def test_each_ablation_is_the_paper_s_run_with_its_terms(name):
    paper, preset = load_preset("paper"), load_preset(name)
    weights = paper.losses.model_dump()
    assert preset.losses.model_dump() == {term: weights[term] * (term in TERMS[name]) for term in weights}
    allowed = {f"losses.{term}" for term, weight in weights.items() if weight and term not in TERMS[name]}
    assert differing("paper", name) - {"flow.objective"} == allowed
    assert preset.flow.objective == ("meanflow" if "mean_flow" in TERMS[name] else "off")


def test_one_term_lies_between_a_row_and_the_full_method():
    assert differing("ablation-full", "ablation-mae-sra") == {"losses.mft_sra"}
    assert differing("ablation-full", "ablation-mft-sra") == {"losses.mae_sra"}
    assert differing("ablation-meanflow", "ablation-mae-sra") == {"losses.mae_sra"}
    assert differing("ablation-meanflow", "ablation-mft-sra") == {"losses.mft_sra"}
    assert differing("ablation-full", "paper") == set()


def test_generators_differ_by_the_generator_alone():
    assert {name: load_preset(name).flow.objective for name in GENERATORS} == GENERATORS
    for name in ("flow-ddpm", "flow-rectified"):
        assert differing("flow-meanflow", name) == {"flow.objective"}
    assert differing("flow-meanflow", "ablation-meanflow") == set()
    networks = {point_sra_sizes(load_preset(name), 256, 256) for name in GENERATORS}
    assert len(networks) == 1


def test_tiny_has_about_a_million_parameters_and_every_term_of_the_paper():
    tiny = load_preset("tiny")
    ours = {"energy", "points", "points_energy", "reading", "reading_energy"}
    assert tiny.data.dataset == "shapes" and all(tiny.losses.model_dump(exclude=ours).values())
    network = build_point_sra(tiny, point_sra_sizes(tiny, 256, 256))
    assert sum(parameter.numel() for parameter in network.parameters()) == pytest.approx(1e6, rel=0.1)
