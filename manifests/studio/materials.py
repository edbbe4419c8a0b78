"""What things are made of: colour, shine, grain."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from manifests.studio.shapes import Array

# numpy declares the result of most arithmetic as Any, hence:
# mypy: disable-error-code="no-any-return"


def paint(code: str) -> Array:
    """Turn a colour as the web writes it into amounts of light."""
    channels = np.array([[int(code[i : i + 2], 16)] for i in (0, 2, 4)], np.float32)
    return (channels / 255) ** 2.2


def blend(below: Array, above: Array, share: Array) -> Array:
    """Lay one colour over another where the share is one."""
    return below + (above - below) * np.clip(share, 0, 1)


def inside(distance: Array, soft: float = 0.006) -> Array:
    """How much of a point lies inside an outline."""
    return np.clip(0.5 - distance / soft, 0, 1)


def grain(p: Array, x: float, y: float, z: float) -> Array:
    """Cloudy variation between about -1 and 1, finer with larger numbers."""
    a, b, c = p[0] * x, p[1] * y, p[2] * z
    wave = np.sin(a + 1.7 * np.sin(b * 0.7 + 0.3) + 0.9 * np.sin(c * 1.3))
    return (wave + np.sin(b * 1.9 + 1.3 * np.sin(c + a * 0.6)) + np.sin(c * 2.3 + b)) / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuff:
    """What a part is made of."""

    colour: Callable[[Array], Array]
    shine: float = 0.04  # how much light a mirror-like layer throws back
    polish: float = 0.5  # how sharp that mirror is
    sheen: float = 0.0  # fibres that catch light at the outline
    metal: bool = False
    glow: float = 0.0  # light of its own


def flat(code: str) -> Callable[[Array], Array]:
    """One colour all over."""
    colour = paint(code)
    return lambda p: np.broadcast_to(colour, p.shape)


STEEL = Stuff(colour=flat("c9cacc"), shine=0.75, polish=0.6, metal=True)
GUNMETAL = Stuff(colour=flat("777a80"), shine=0.6, polish=0.55, metal=True)
BRASS = Stuff(colour=flat("d8ac62"), shine=0.8, polish=0.5, metal=True)


def oak(p: Array) -> Array:
    """Light wood with its grain along the legs."""
    rings = np.sin(30 * (p[0] + 0.6 * p[2]) + 3 * grain(p, 3, 1.5, 3))
    return blend(paint("c89a66"), paint("a87543"), 0.35 + 0.35 * rings)
