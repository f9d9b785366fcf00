"""PointDif's schedule, its levels and its loss."""

from __future__ import annotations

import pytest
import torch

from pointsra.objectives.noise_prediction import NoisePrediction


def test_each_cloud_meets_one_level_of_each_interval():
    levels = NoisePrediction().draw_levels(9000, torch.Generator().manual_seed(0))
    assert levels.shape == (4, 9000)
    for number, row in enumerate(levels):
        assert int(row.min()) >= 500 * number + 1 and int(row.max()) <= 500 * (number + 1)
        assert len(row.unique()) == 500  # every level of the interval, the ends among them
        assert float(row.float().mean()) == pytest.approx(500 * number + 250.5, abs=10)


def test_intervals_that_do_not_divide_the_levels_cover_them_all():
    levels = NoisePrediction(levels=7, intervals=3).draw_levels(500, torch.Generator().manual_seed(0))
    assert levels.unique().tolist() == list(range(1, 8))


def test_schedule_ends_where_it_should():
    objective = NoisePrediction()
    assert objective.betas[0] == 0 and objective.signal[0] == 1
    assert float(objective.betas[1]) == pytest.approx(1e-4) and float(objective.betas[2000]) == pytest.approx(0.02)
    assert float(objective.signal[2000]) < 1e-8


def test_the_true_noise_costs_nothing_and_none_costs_one():
    objective, points = NoisePrediction(levels=100, intervals=2), torch.randn(6, 50, 3)
    levels = objective.draw_levels(6, torch.Generator().manual_seed(0))

    def knowing(noised, beta):
        level = 1 + ((beta - 1e-4) / (0.02 - 1e-4) * 99).round().long()
        signal = objective.signal[level][:, None, None]
        return ((noised - signal.sqrt() * points) / (1 - signal).sqrt()).float()

    assert float(objective.loss(knowing, points, levels, torch.Generator().manual_seed(1))) < 1e-8
    silent = objective.loss(lambda noised, beta: 0 * noised, points, levels, torch.Generator().manual_seed(1))
    assert float(silent) == pytest.approx(1.0, abs=0.1)


def test_more_intervals_than_levels_are_refused():
    with pytest.raises(ValueError, match="3 levels cannot be cut into 4 intervals"):
        NoisePrediction(levels=3, intervals=4)
