"""Is MeanFlow right? A 2-D mixture of eight modes of unequal weight, learned by a small network.

    python -m benchmarks.mean_flow_mixture            # 8000 steps an objective, some minutes on a CPU
    python -m benchmarks.mean_flow_mixture --steps 2000

Prints the sliced Wasserstein-2 distance of samples drawn in 1, 2 and 16 evaluations to fresh data, and the total
variation of the modes' shares. A right objective is good in one evaluation; flow matching is not; an objective
with the sign of its derivative turned is bad in one evaluation although its many-step samples look fine.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from pointsra.objectives.mean_flow import MeanFlow
from pointsra.objectives.path import TimeSampler
from pointsra.objectives.rectified_flow import RectifiedFlow

WEIGHTS = torch.tensor([0.25, 0.05, 0.15, 0.10, 0.20, 0.05, 0.12, 0.08])


@dataclass(frozen=True)
class Output:
    velocity: Tensor


class Field(nn.Module):
    """An MLP of one point in the plane (the third coordinate stays 0) with cosines and sines of the times."""

    def __init__(self, width: int, generator: torch.Generator) -> None:
        super().__init__()
        widths = [2 + 16, width, width, width, 2]
        layers = [nn.Linear(inputs, outputs) for inputs, outputs in pairwise(widths)]
        for layer in layers:
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.zeros_(layer.bias)
        self.layers = nn.ModuleList(layers)
        self.register_buffer("frequencies", torch.linspace(1.0, 6.0, 4))

    def forward(self, state: Tensor, r: Tensor, t: Tensor, rows: Tensor | None = None) -> Output:
        angles = torch.stack([t, t - r], dim=-1).unsqueeze(-1) * self.frequencies
        times = torch.cat([angles.cos(), angles.sin()], dim=-1).flatten(1)
        values = torch.cat([state[:, 0, :2], times], dim=-1)
        for layer in self.layers[:-1]:
            values = nn.functional.silu(layer(values))
        plane = self.layers[-1](values)
        return Output(torch.cat([plane, torch.zeros_like(plane[:, :1])], dim=-1).unsqueeze(1))


def mixture(count: int, generator: torch.Generator) -> Tensor:
    """(count, 1, 3) samples: eight modes on a circle of radius 1.5, deviation 0.1."""
    mode = torch.multinomial(WEIGHTS, count, replacement=True, generator=generator)
    angle = mode * (2 * math.pi / len(WEIGHTS))
    center = 1.5 * torch.stack([angle.cos(), angle.sin()], dim=-1)
    plane = center + 0.1 * torch.randn(count, 2, generator=generator)
    return torch.cat([plane, torch.zeros(count, 1)], dim=-1).unsqueeze(1)


def plane_noise(count: int, generator: torch.Generator) -> Tensor:
    noise = torch.randn(count, 1, 3, generator=generator)
    return noise * torch.tensor([1.0, 1.0, 0.0])


class WrongSign(MeanFlow):
    """The control: the derivative enters with the wrong sign."""

    def total_derivative(self, network, path, rows):
        return -super().total_derivative(network, path, rows)


def train(objective: MeanFlow | RectifiedFlow, steps: int, width: int = 128, seed: int = 0) -> Field:
    generator = torch.Generator().manual_seed(seed)
    network = Field(width, generator)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    active = torch.ones(512, 1, dtype=torch.bool)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 1e-3 * min(1.0, 2 * (1 - step / steps) + 0.02)
        data, noise = mixture(512, generator), plane_noise(512, generator)
        loss = objective.loss(network, objective.sample_path(data, noise, generator), active).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


def sliced_wasserstein(first: Tensor, second: Tensor, directions: int = 64) -> float:
    """Root of the mean squared 1-D Wasserstein-2 distance over directions in the plane; equal counts."""
    angles = torch.arange(directions) * (math.pi / directions)
    axes = torch.stack([angles.cos(), angles.sin()])
    one, two = ((cloud[:, 0, :2] @ axes).sort(dim=0).values for cloud in (first, second))
    return float((one - two).square().mean().sqrt())


def mode_shares(points: Tensor) -> Tensor:
    angle = torch.atan2(points[:, 0, 1], points[:, 0, 0])
    mode = (angle / (2 * math.pi / len(WEIGHTS))).round().long() % len(WEIGHTS)
    return torch.bincount(mode, minlength=len(WEIGHTS)) / len(points)


@torch.no_grad()
def measure(objective: MeanFlow | RectifiedFlow, network: Field, evaluations: tuple[int, ...]) -> dict[str, float]:
    generator = torch.Generator().manual_seed(99)
    truth, noise = mixture(8000, generator), plane_noise(8000, generator)
    figures = {}
    for count in evaluations:
        drawn = objective.draw(network, noise, count)
        figures[f"SW {count}"] = sliced_wasserstein(drawn, truth)
        if count == evaluations[0]:
            figures["mode TV"] = float((mode_shares(drawn) - WEIGHTS).abs().sum() / 2)
    return figures


def objectives() -> dict[str, MeanFlow | RectifiedFlow]:
    sampler = TimeSampler(different_share=0.5, uniform_share=0.0, one_step_share=0.0, swapped_share=0.0)
    return {
        "flow matching": RectifiedFlow(sampler),
        "MeanFlow, conditional tangent": MeanFlow(sampler, tangent="conditional"),
        "MeanFlow, predicted tangent": MeanFlow(sampler, tangent="predicted"),
        "α-Flow, α = 0.1": MeanFlow(sampler, tangent="predicted", alpha=0.1),
        "control: wrong sign": WrongSign(sampler, tangent="conditional"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8000)
    steps = parser.parse_args().steps
    print(f"{'objective':32s}" + "".join(f"{name:>10s}" for name in ("SW 1", "mode TV", "SW 2", "SW 16")))
    for name, objective in objectives().items():
        figures = measure(objective, train(objective, steps), (1, 2, 16))
        print(f"{name:32s}" + "".join(f"{figures[key]:10.3f}" for key in ("SW 1", "mode TV", "SW 2", "SW 16")))


if __name__ == "__main__":
    main()
