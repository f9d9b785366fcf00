"""How fast clouds come from disk into shuffled batches, against the way of the Point-MAE family, in one run.

    python -m benchmarks.reading                      # 20,000 clouds of 1,024 points; about 0.6 GB on disk
    python -m benchmarks.reading --stored 8192        # as ShapeNet-55 has them; 1,024 are drawn from each
    python -m benchmarks.reading --folder DIR         # keeps the files there for the next time

The other way is one npy file a shape, read by a torch DataLoader item by item: load, draw a subset by a shuffled
permutation, center, divide by the largest radius. Both see the same clouds, both once through the page cache before
they are timed, and take turns; the ratio is of the medians. Memory is the peak of a process of its own that reads
one epoch of the smaller and of the larger set.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from pointsra.data.loaders import training_batches
from pointsra.data.split_writer import CloudBlock, SplitHeader, SplitWriter
from pointsra.data.store import open_split

SMALL = 5_000  # clouds of the smaller set, whose peak memory is compared


class OneFileAShape(Dataset):
    """One npy file a shape, as the family reads ShapeNet-55."""

    def __init__(self, folder: Path, clouds: int, points: int) -> None:
        self.paths = [folder / f"{number:06d}.npy" for number in range(clouds)]
        self.points = points
        self.permutation: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        cloud = np.load(self.paths[index]).astype(np.float32)
        if self.permutation is None:
            self.permutation = np.arange(len(cloud))
        np.random.shuffle(self.permutation)  # noqa: NPY002  (theirs)
        cloud = cloud[self.permutation[: self.points]]
        cloud = cloud - np.mean(cloud, axis=0)
        cloud = cloud / np.max(np.sqrt(np.sum(cloud**2, axis=1)))
        return torch.from_numpy(cloud).float(), index % 55


def ours(root: Path, clouds: int, points: int, batch: int, epoch: int) -> Iterator[int]:
    with open_split(root / f"ours-{clouds}.h5") as split:
        for made in training_batches(split, batch, points, seed=0, epoch=epoch):
            assert made.points.shape[1:] == (points, 3)
            yield len(made)


def theirs(root: Path, clouds: int, points: int, batch: int, workers: int) -> Iterator[int]:
    data = OneFileAShape(root / "theirs", clouds, points)
    for made, _ in DataLoader(data, batch_size=batch, shuffle=True, drop_last=True, num_workers=workers):
        yield len(made)


def write(root: Path, clouds: int, stored: int) -> None:
    """Write the same clouds in both forms, and the smaller set in ours."""
    ready = root / "ready"
    if ready.exists():
        return
    (root / "theirs").mkdir(parents=True, exist_ok=True)
    header = SplitHeader(dataset="reading", split="train", class_names=tuple(f"class {i}" for i in range(55)))
    for total in {SMALL, clouds}:
        with SplitWriter(root / f"ours-{total}.h5", header) as writer:
            for start in range(0, total, 500):
                rows = np.arange(start, min(start + 500, total))
                made = [np.random.default_rng(row).normal(size=(stored, 3)).astype(np.float32) for row in rows]
                ids = [f"02691156-{row:032x}" for row in rows]
                writer.append(CloudBlock(points=np.stack(made), labels=rows % 55, ids=ids))
                for row, cloud in zip(rows, made, strict=True):
                    np.save(root / "theirs" / f"{row:06d}.npy", cloud)
    ready.touch()


def speed(batches: Iterator[int]) -> float:
    start = time.perf_counter()
    return sum(batches) / (time.perf_counter() - start)


def peak(root: Path, way: str, clouds: int, options: argparse.Namespace) -> float:
    """Peak memory in MB of a process that reads one epoch."""
    command = [sys.executable, "-m", "benchmarks.reading", "--folder", str(root), "--measure", way]
    command += ["--clouds", str(clouds), "--points", str(options.points), "--batch", str(options.batch)]
    command += ["--threads", str(options.threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def own_peak() -> float:
    """Peak memory of this process in MB; Linux's getrusage would count the one that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clouds", type=int, default=20_000)
    parser.add_argument("--stored", type=int, default=1_024, help="points stored a cloud")
    parser.add_argument("--points", type=int, default=1_024, help="points drawn from each")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 2], help="of the other way's DataLoader")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if min(options.clouds, options.stored, options.points, options.batch, options.threads, options.repeats) < 1:
        parser.error("--clouds, --stored, --points, --batch, --threads and --repeats must be at least 1")
    torch.set_num_threads(options.threads)
    if options.measure == "ours":
        sum(ours(options.folder, options.clouds, options.points, options.batch, 0))
        print(own_peak())
        return
    if options.measure == "theirs":
        sum(theirs(options.folder, options.clouds, options.points, options.batch, 0))
        print(own_peak())
        return
    with tempfile.TemporaryDirectory() as temporary:
        # A place of its own for each size: what another run left there has other clouds under the same names.
        root = (options.folder or Path(temporary)) / f"{options.clouds}-{options.stored}"
        write(root, options.clouds, options.stored)
        compare(root, options)


def compare(root: Path, options: argparse.Namespace) -> None:
    clouds, points, batch = options.clouds, options.points, options.batch
    found: dict[str, list[float]] = {}
    for turn in range(options.repeats + 1):
        measured = {"ours": speed(ours(root, clouds, points, batch, turn))}
        for workers in options.workers:
            measured[f"one npy a shape, {workers} workers"] = speed(theirs(root, clouds, points, batch, workers))
        if turn:  # the first turn only fills the page cache
            for name, value in measured.items():
                found.setdefault(name, []).append(value)
    print(f"{clouds:,} clouds of {options.stored:,} points, {points:,} drawn, batches of {batch}, "
          f"{options.threads} thread(s) of torch")  # fmt: skip
    mine = statistics.median(found["ours"])
    for name, values in found.items():
        value = statistics.median(values)
        print(f"{name:<28} {value:9,.0f} clouds/s   ours is {mine / value:5.2f} times as fast")
    for way in ("ours", "theirs"):
        small, large = (peak(root, way, count, options) for count in (SMALL, clouds))
        print(f"{way:<28} peak memory {small:.1f} MB for {SMALL:,} clouds, {large:.1f} MB for {clouds:,}: "
              f"{large - small:+.1f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
