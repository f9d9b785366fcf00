"""One pre-training step as the Point-MAE family takes it, to measure ours against.

Written from a description of Point-MAE (Pang et al., 2022) and of the eager torch operations that its family passes
around, operation by operation: **all** G patches are embedded, and those that are masked are thrown away; the encoder
sees the others; the decoder sees all; Chamfer L2 between predicted and true patches. Farthest-point sampling loops over
(B, N, 3), neighbors and Chamfer come from the full table of distances. The peers themselves have CUDA kernels for
these three, which must be compiled; on a CPU they do not run at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn


def farthest_points(points: Tensor, count: int) -> Tensor:
    """(B, count) indices: one pass over (B, N, 3) for each choice, from point 0 on."""
    clouds, total, _ = points.shape
    chosen = torch.zeros(clouds, count, dtype=torch.long, device=points.device)
    distance = torch.ones(clouds, total, device=points.device) * 1e10
    farthest = torch.zeros(clouds, dtype=torch.long, device=points.device)
    rows = torch.arange(clouds, dtype=torch.long, device=points.device)
    for step in range(count):
        chosen[:, step] = farthest
        last = points[rows, farthest, :].view(clouds, 1, 3)
        squared = torch.sum((points - last) ** 2, -1)
        nearer = squared < distance
        distance[nearer] = squared[nearer]
        farthest = torch.max(distance, -1)[1]
    return chosen


def distance_table(first: Tensor, second: Tensor) -> Tensor:
    """(B, N, M) squared distances, all at once."""
    table = -2 * torch.matmul(first, second.permute(0, 2, 1))
    table += torch.sum(first**2, -1).unsqueeze(2)
    table += torch.sum(second**2, -1).unsqueeze(1)
    return table


def neighbors(queries: Tensor, points: Tensor, count: int) -> Tensor:
    """(B, Q, count) indices of the nearest points: the full table, then topk."""
    return torch.topk(distance_table(queries, points), count, dim=-1, largest=False, sorted=True)[1]


def chamfer(first: Tensor, second: Tensor) -> Tensor:
    """CD-L2 (): the full table, and its minima along both axes."""
    table = distance_table(first, second)
    return table.min(dim=2)[0].mean() + table.min(dim=1)[0].mean()


def cut(points: Tensor, groups: int, size: int) -> tuple[Tensor, Tensor]:
    """Neighborhoods (B, G, K, 3) and centers (B, G, 3)."""
    clouds, total, _ = points.shape
    rows = torch.arange(clouds, device=points.device).view(-1, 1)
    centers = points[rows, farthest_points(points, groups)]
    indices = neighbors(centers, points, size) + rows.unsqueeze(2) * total
    neighborhoods = points.reshape(clouds * total, -1)[indices.view(-1), :].view(clouds, groups, size, 3).contiguous()
    return neighborhoods - centers.unsqueeze(2), centers


def scale_and_translate(points: Tensor) -> Tensor:
    """Their augmentation: cloud by cloud, factors and shifts drawn by numpy."""
    for row in range(len(points)):
        scale = np.random.uniform(low=2 / 3, high=3 / 2, size=[3])  # noqa: NPY002  (theirs)
        shift = np.random.uniform(low=-0.2, high=0.2, size=[3])  # noqa: NPY002
        factors, shifts = (torch.from_numpy(each).float().to(points.device) for each in (scale, shift))
        points[row, :, 0:3] = torch.mul(points[row, :, 0:3], factors) + shifts
    return points


class PatchEmbedding(nn.Module):
    """Patches (B, G, K, 3) → tokens (B, G, C), by 1×1 convolutions; the maximum is repeated beside every point."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv1d(3, 128, 1), nn.BatchNorm1d(128), nn.ReLU(inplace=True), nn.Conv1d(128, 256, 1)
        )
        self.second = nn.Sequential(
            nn.Conv1d(512, 512, 1), nn.BatchNorm1d(512), nn.ReLU(inplace=True), nn.Conv1d(512, dim, 1)
        )

    def forward(self, neighborhoods: Tensor) -> Tensor:
        clouds, groups, size, _ = neighborhoods.shape
        local = self.first(neighborhoods.reshape(clouds * groups, size, 3).transpose(2, 1))
        largest = torch.max(local, dim=2, keepdim=True)[0]
        joined = self.second(torch.cat([largest.expand(-1, -1, size), local], dim=1))
        return torch.max(joined, dim=2)[0].reshape(clouds, groups, -1)


class DropPath(nn.Module):
    """Drop a branch for whole clouds."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, branch: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return branch
        keep = 1 - self.rate
        mask = keep + torch.rand((branch.shape[0], 1, 1), dtype=branch.dtype, device=branch.device)
        return branch.div(keep) * mask.floor_()


class Block(nn.Module):
    """A pre-norm block whose attention writes its weights out."""

    def __init__(self, dim: int, heads: int, rate: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim, bias=False), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        self.drop_path = DropPath(rate) if rate else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        clouds, count, dim = tokens.shape
        split = self.qkv(self.norm1(tokens)).reshape(clouds, count, 3, self.heads, dim // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        weights = ((queries @ keys.transpose(-2, -1)) * (dim // self.heads) ** -0.5).softmax(dim=-1)
        mixed = self.proj((weights @ values).transpose(1, 2).reshape(clouds, count, dim))
        tokens = tokens + self.drop_path(mixed)
        return tokens + self.drop_path(self.mlp(self.norm2(tokens)))


@dataclass(frozen=True)
class Sizes:
    """Of the model; the defaults are Point-MAE's."""

    groups: int = 64
    size: int = 32
    dim: int = 384
    depth: int = 12
    decoder_depth: int = 4
    heads: int = 6
    mask_ratio: float = 0.6
    drop_path: float = 0.1


class PointMae(nn.Module):
    """Points (B, N, 3) → the loss ()."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        dim, self.sizes = sizes.dim, sizes
        self.embedding = PatchEmbedding(dim)
        self.positions = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, dim))
        self.blocks = self._blocks(sizes.depth)
        self.norm = nn.LayerNorm(dim)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.decoder_positions = nn.Sequential(nn.Linear(3, 128), nn.GELU(), nn.Linear(128, dim))
        self.decoder_blocks = self._blocks(sizes.decoder_depth)
        self.decoder_norm = nn.LayerNorm(dim)
        self.points = nn.Sequential(nn.Conv1d(dim, 3 * sizes.size, 1))

    def _blocks(self, depth: int) -> nn.ModuleList:
        rates = torch.linspace(0, self.sizes.drop_path, depth).tolist()
        return nn.ModuleList(Block(self.sizes.dim, self.sizes.heads, rate) for rate in rates)

    def masks(self, clouds: int) -> Tensor:
        """(B, G) bool, True where a patch is masked."""
        masked = int(self.sizes.mask_ratio * self.sizes.groups)
        rows = np.zeros([clouds, self.sizes.groups])
        for row in range(clouds):
            flags = np.hstack([np.zeros(self.sizes.groups - masked), np.ones(masked)])
            np.random.shuffle(flags)  # noqa: NPY002  (theirs)
            rows[row, :] = flags
        return torch.from_numpy(rows).to(torch.bool)

    def forward(self, points: Tensor) -> Tensor:
        neighborhoods, centers = cut(points, self.sizes.groups, self.sizes.size)
        clouds = len(points)
        masked = self.masks(clouds).to(points.device)
        return self.loss(neighborhoods, centers, masked)

    def loss(self, neighborhoods: Tensor, centers: Tensor, masked: Tensor) -> Tensor:
        """What can be compiled: everything behind patches and masks."""
        clouds, dim = len(centers), self.sizes.dim
        tokens = self.embedding(neighborhoods)[~masked].reshape(clouds, -1, dim)
        positions = self.positions(centers[~masked].reshape(clouds, -1, 3))
        for block in self.blocks:
            tokens = block(tokens + positions)
        visible = self.norm(tokens)
        shown = self.decoder_positions(centers[~masked]).reshape(clouds, -1, dim)
        hidden = self.decoder_positions(centers[masked]).reshape(clouds, -1, dim)
        count = hidden.shape[1]
        tokens = torch.cat([visible, self.mask_token.expand(clouds, count, -1)], dim=1)
        positions = torch.cat([shown, hidden], dim=1)
        for block in self.decoder_blocks:
            tokens = block(tokens + positions)
        filled = self.decoder_norm(tokens[:, -count:])
        predicted = self.points(filled.transpose(1, 2)).transpose(1, 2)
        true = neighborhoods[masked].reshape(clouds * count, -1, 3)
        return chamfer(predicted.reshape(clouds * count, -1, 3), true)


def build_optimizer(model: nn.Module) -> torch.optim.AdamW:
    """AdamW without decay on vectors, biases and tokens, as the family has it."""
    plain, decayed = [], []
    for name, parameter in model.named_parameters():
        (plain if parameter.ndim == 1 or name.endswith(".bias") or "token" in name else decayed).append(parameter)
    groups = [{"params": plain, "weight_decay": 0.0}, {"params": decayed, "weight_decay": 0.05}]
    return torch.optim.AdamW(groups, lr=1e-3, weight_decay=0.05)


def step(model: PointMae, optimizer: torch.optim.AdamW, points: Tensor) -> float:
    """One step of theirs: augment, loss, backward, step, and the loss read for the log."""
    loss = model(scale_and_translate(points.clone()))
    loss.backward()
    optimizer.step()
    model.zero_grad()
    return loss.item() * 1000
