"""Shapes as distance functions: a point's distance to the surface, negative inside."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# numpy declares the result of most arithmetic as Any, hence:
# mypy: disable-error-code="no-any-return"

Array = NDArray[Any]
Shape = Callable[[Array], Array]
"""Points (3, n) to their distances from the surface (n,)."""
Vector = tuple[float, float, float]


def at(p: Array, x: float, y: float, z: float) -> Array:
    """See the points from a place; shapes below sit at the origin."""
    return p - np.array([[x], [y], [z]], np.float32)


def turn(p: Array, axis: str, degrees: float) -> Array:
    """See the points from a frame turned about an axis."""
    a, b = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = p.copy()
    turned[a] = p[a] * cos + p[b] * sin
    turned[b] = p[b] * cos - p[a] * sin
    return turned


def norm(*axes: Array) -> Array:
    """Length of a vector given by its coordinates."""
    total = axes[0] * axes[0]
    for axis in axes[1:]:
        total = total + axis * axis
    return np.sqrt(total)


def within(*sides: Array) -> Array:
    """Distance to where all the given one-sided distances are negative."""
    outside = norm(*(np.maximum(side, 0) for side in sides))
    return outside + np.minimum(np.maximum.reduce(sides), 0)


def ellipsoid(p: Array, x: float, y: float, z: float) -> Array:
    """Near enough the distance to an ellipsoid with these radii."""
    near = norm(p[0] / x, p[1] / y, p[2] / z)
    slope = norm(p[0] / x**2, p[1] / y**2, p[2] / z**2)
    return near * (near - 1) / np.maximum(slope, 1e-6)


def slab(p: Array, x: float, y: float, z: float, edge: float) -> Array:
    """Distance to a box with these half sides and rounded edges."""
    return within(*(abs(p[i]) - side + edge for i, side in enumerate((x, y, z)))) - edge


def disc(p: Array, radius: float, half: float, edge: float) -> Array:
    """Distance to an upright cylinder with rounded edges."""
    return within(norm(p[0], p[2]) - radius + edge, abs(p[1]) - half + edge) - edge


def ring(p: Array, radius: float, thick: float) -> Array:
    """Distance to a ring that lies flat."""
    return norm(norm(p[0], p[2]) - radius, p[1]) - thick


def rod(p: Array, start: Vector, end: Vector, thick: float, tip: float) -> Array:
    """Distance to a round rod that may taper towards its end."""
    first = np.array(start, np.float32)[:, None]
    along = np.array(end, np.float32)[:, None] - first
    share = np.clip((along * (p - first)).sum(0) / (along**2).sum(), 0, 1)
    return norm(*(p - first - along * share)) - thick - (tip - thick) * share


def join(a: Array, b: Array, blend: float) -> Array:
    """Melt two shapes into one another."""
    near = np.maximum(blend - abs(a - b), 0) / blend
    return np.minimum(a, b) - near * near * blend / 4


def lathe(profile: Sequence[tuple[float, float]], edge: float = 0.02, soft: int = 25) -> Shape:
    """Spin a softened profile of (height, radius) about the upright axis."""
    heights, radii = np.array(profile, np.float32).T
    low, high = float(heights[0]), float(heights[-1])
    table = np.interp(np.linspace(low, high, 400), heights, radii)
    bell = np.hanning(2 * soft + 1)[1:-1] / soft
    for _ in range(2):
        table = np.convolve(np.pad(table, soft - 1, "edge"), bell, "valid")
    steep = np.hypot(1, np.gradient(table, (high - low) / 399))
    radius, slope = table.astype(np.float32), steep.astype(np.float32)

    def spun(p: Array) -> Array:
        place = np.clip((p[1] - low) * (399 / (high - low)), 0, 398.99)
        step = place.astype(np.int32)
        part = place - step
        here = radius[step] * (1 - part) + radius[step + 1] * part
        side = (norm(p[0], p[2]) - here) / slope[step]
        return within(side + edge, abs(p[1] - (low + high) / 2) - (high - low) / 2 + edge) - edge

    return spun
