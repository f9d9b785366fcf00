"""A surface through a completion: screened Poisson reconstruction of its points (Kazhdan and Hoppe, 2013), by open3d.

Normals are those of planes through neighbors, turned alike along the surface and, on the whole, outward. Poisson's
surface is closed: what it makes up far from any point is cut away. Points that lie loosely give a surface with bumps
and holes; nothing is smoothed. open3d is imported only when a surface is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pointsra.data.open3d_loader import load_open3d
from pointsra.ops.near_points import nearest

# All ours, tried on completions of the chair and of the generated shapes.
_DEPTH = 8  # of the octree: the finest that a few thousand points fill
_NEIGHBORS = 8  # that a plane is laid through: more would mix both sides of a thin board
_ALIKE = 8  # that turn their normals alike
_REACH = 3.0  # spacings from the nearest point, beyond which a surface is made up
_THIN = 0.02  # of the surface's corners, those of least density, are cut away in any case
_JITTER = 1e-4  # of the shape
_FEWEST = 64  # points
_MOST = 60_000  # of more points so many random ones are used


@dataclass(frozen=True)
class Surface:
    """Triangles in the frame of the points they were laid through.

    Attributes:
        vertices: (V, 3) float64.
        faces: (F, 3) int64, rows of ``vertices``.
        nearest: (V,) row of the point nearest to each vertex.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    nearest: NDArray[np.int64]


def require_surfaces() -> None:
    """See that surfaces can be made.

    Raises:
        MissingExtraError: open3d is not installed or cannot be loaded.
    """
    load_open3d("A surface (--mesh)")


def surface_through(points: NDArray[np.float64], seed: int = 0) -> Surface | None:
    """Lay a surface through a cloud.

    Args:
        points: (N, 3) finite, any frame and unit.
        seed: of the choice among very many points.

    Returns:
        The surface, in the frame of the points; None where they are too few, or span no space.

    Raises:
        MissingExtraError: open3d is not installed or cannot be loaded.
    """
    open3d = load_open3d("A surface (--mesh)")
    rows = np.arange(len(points))
    if len(points) > _MOST:
        rows = np.random.default_rng([seed, 6]).choice(len(points), _MOST, replace=False)
    middle = points[rows].mean(axis=0) if len(rows) else np.zeros(3)
    moved = points[rows] - middle
    size = float(np.abs(moved).max(initial=0.0))
    if len(np.unique(moved, axis=0)) < _FEWEST or not size > 0 or np.linalg.matrix_rank(moved / size, tol=1e-3) < 3:
        return None
    moved /= size
    # Points exactly on one sphere or grid have no tetrahedra of their own, which the turning of normals needs.
    jittered = moved + np.random.default_rng([seed, 7]).normal(scale=_JITTER, size=moved.shape)
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(jittered))
    cloud.estimate_normals(open3d.geometry.KDTreeSearchParamKNN(_NEIGHBORS))
    try:
        cloud.orient_normals_consistent_tangent_plane(_ALIKE)
    except RuntimeError:  # of its tetrahedra
        return None
    normals = np.asarray(cloud.normals)
    if float((normals * moved).sum()) < 0.0:
        cloud.normals = open3d.utility.Vector3dVector(-normals)
    mesh, densities = open3d.geometry.TriangleMesh.create_from_point_cloud_poisson(cloud, depth=_DEPTH, n_threads=1)
    corners, faces = np.asarray(mesh.vertices), np.asarray(mesh.triangles).astype(np.int64)
    if not len(corners):
        return None
    apart, near = nearest(corners, moved)
    spacing = float(np.median(nearest(moved, moved, 5)[0][:, 1:].mean(axis=1)))
    densities = np.asarray(densities)
    kept = (apart[:, 0] <= _REACH * spacing) & (densities >= np.quantile(densities, _THIN))
    faces = faces[kept[faces].all(axis=1)]
    used, faces = np.unique(faces, return_inverse=True)
    if not len(used):
        return None
    return Surface(corners[used] * size + middle, faces.reshape(-1, 3), rows[near[used, 0]])
