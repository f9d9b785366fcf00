"""Neighbors and Chamfer of 100,000 points fit where a full table would not, forward and backward."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import os, resource
import scipy.spatial  # beforehand: its libraries are no memory of a search
import torch
from pointsra.ops.chamfer import chamfer_l2
from pointsra.ops.neighbors import nearest_indices

torch.set_num_threads(1)
points = torch.rand(1, 100_000, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
queries = torch.rand(1, 1000, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
nearest_indices(queries[:, :2], points[:, :100], 2), chamfer_l2(queries[:, :2], points[:, :2]).sum().backward()
size = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize")) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + 320 * 2**20,) * 2)
for way in ("auto", "plain"):
    os.environ["POINTSRA_KERNELS"] = way
    assert nearest_indices(queries, points, 16).shape == (1, 1000, 16)
    queries.grad = points.grad = None
    chamfer_l2(queries, points).sum().backward()
    assert (points.grad != 0).any(-1).sum() > 90_000 and (queries.grad != 0).all()
    print(way, "fits")
try:
    torch.empty(1, 1000, 100_000)
except RuntimeError:
    print("a table does not")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the address space, as Linux does")
def test_search_and_chamfer_of_100000_points_need_no_table_of_them():
    # 1,000 × 100,000 distances in single precision are 400 MB; 320 MiB may be taken beside what the start took.
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["auto fits", "plain fits", "a table does not"], done.stderr[-2000:]
