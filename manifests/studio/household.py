"""Things for the house."""

from dataclasses import replace

import numpy as np

from manifests.studio.light import Scene
from manifests.studio.materials import BRASS, STEEL, Stuff, blend, flat, grain, inside, oak, paint
from manifests.studio.shapes import (
    Array,
    Vector,
    at,
    ellipsoid,
    join,
    lathe,
    norm,
    rod,
    slab,
    turn,
    within,
)

# numpy declares the result of most arithmetic as Any, hence:
# mypy: disable-error-code="no-any-return"


def mug() -> Scene:
    """Draw a stoneware mug; the ground shows through its handle."""
    outer = lathe([(0, 0.62), (0.12, 0.72), (0.5, 0.76), (1.2, 0.76), (1.72, 0.78)], 0.04)
    inner = lathe([(0.12, 0.5), (0.3, 0.66), (1.2, 0.68), (1.9, 0.71)], 0.03)

    def handle(p: Array) -> Array:
        q = at(p, 0.78, 0.92, 0)
        bend = norm(np.maximum(abs(q[1]) - 0.14, 0), q[0]) - 0.4
        return norm(bend * 1.15, q[2] * 0.7) - 0.085

    def body(p: Array) -> Array:
        return -join(-join(outer(p), handle(p), 0.12), inner(p), 0.05)

    def glaze(p: Array) -> Array:
        dip = 0.34 + 0.035 * np.sin(3.1 * p[0] + 1) + 0.02 * np.sin(7 * p[0] + 4 * p[2])
        clay = blend(paint("b98d68"), paint("a87a55"), 0.5 + 0.5 * grain(p, 30, 40, 30))
        blue = blend(paint("3f6f86"), paint("6c9aa8"), 0.4 + 0.4 * grain(p, 3, 5, 3))
        blue = blend(blue, paint("d9d2c0"), inside(norm(p[0], p[2]) - 0.735, 0.02) * (p[1] > 0.3))
        return blend(clay, blue, inside(dip - p[1], 0.02))

    stuff = Stuff(colour=glaze, shine=0.05, polish=0.8)
    return Scene(parts=[(body, stuff)], span=2.7, middle=0.84, azimuth=-24, elevation=20)


def mug_again() -> Scene:
    """Turn the mug for a second picture of the same SKU."""
    return replace(mug(), azimuth=46, elevation=30, middle=0.86)


def bottle() -> Scene:
    """Draw an insulated bottle with a steel cap and a carrying loop."""
    flask = lathe(
        [(0, 0.5), (0.06, 0.54), (1.9, 0.54), (2.2, 0.48), (2.42, 0.34), (2.6, 0.33)], 0.03, 40
    )
    cap = lathe([(2.62, 0.37), (2.97, 0.37), (3.0, 0.36)], 0.03)

    def loop(p: Array) -> Array:
        q = at(p, 0, 3.0, 0)
        arc = norm(q[0], np.maximum(q[1] - 0.06, 0)) - 0.24
        return within(abs(arc) - 0.035, abs(q[2]) - 0.075, -q[1] - 0.1) - 0.015

    def coat(p: Array) -> Array:
        leaf = np.maximum(norm(p[0] - 0.13, p[1] - 1.25), norm(p[0] + 0.13, p[1] - 1.25)) - 0.23
        vein = abs(p[0]) - 0.008 + 0.03 * (p[1] < 1.0)
        mark = np.maximum(leaf, -np.maximum(vein, p[1] - 1.36)) + (p[2] < 0)
        green = blend(paint("2f5d4c"), paint("376654"), 0.5 + 0.2 * grain(p, 90, 90, 90))
        green = blend(green, paint("e9e4d4"), inside(mark, 0.008))
        return blend(green, paint("b9babc"), inside(p[1] - 0.11, 0.008))

    painted = Stuff(colour=coat, shine=0.05, polish=0.4)
    black = Stuff(colour=flat("26282a"), polish=0.5)
    return Scene(
        parts=[(flask, painted), (cap, STEEL), (loop, black)],
        ground=("e9eaec", "e2e3e5"),
        size=(900, 1200),
        span=4.3,
        middle=1.62,
        reach=1.85,
        azimuth=14,
        elevation=9,
    )


def lamp() -> Scene:
    """Draw a table lamp, switched on."""
    foot = lathe([(0, 0.52), (0.08, 0.52), (0.12, 0.46), (0.16, 0.10), (0.24, 0.05)], 0.015)
    cone = lathe([(1.55, 0.78), (2.55, 0.47)], 0.004)

    def stem(p: Array) -> Array:
        knob = ellipsoid(at(p, 0, 0.52, 0), 0.11, 0.11, 0.11)
        return join(rod(p, (0, 0.1, 0), (0, 1.75, 0), 0.04, 0.04), knob, 0.06)

    def shade(p: Array) -> Array:
        return within(abs(cone(p)) - 0.008, 1.56 - p[1], p[1] - 2.54)

    def bulb(p: Array) -> Array:
        return ellipsoid(at(p, 0, 1.86, 0), 0.16, 0.2, 0.16)

    def linen(p: Array) -> Array:
        around = np.arctan2(p[2], p[0])
        threads = 0.5 + 0.25 * (np.sin(around * 190) + np.sin(p[1] * 150))
        base = blend(paint("f0e3c8"), paint("e2d0ac"), threads)
        lit = np.exp(-4.5 * (p[1] - 1.93) ** 2)
        warm = blend(paint("d0a878"), paint("fff3dc"), lit) * (0.75 + 0.35 * lit)
        band = np.minimum(abs(p[1] - 1.57), abs(p[1] - 2.53)) - 0.025
        return blend(base * warm, paint("cdb68c"), inside(band))

    return Scene(
        parts=[
            (foot, BRASS),
            (stem, BRASS),
            (shade, Stuff(colour=linen, polish=0.05, glow=0.42)),
            (bulb, Stuff(colour=flat("fff0d0"), glow=1.0)),
        ],
        ground=("dccbb4", "d8c6ad"),
        size=(900, 1200),
        span=3.7,
        middle=1.32,
        reach=1.65,
        azimuth=10,
        elevation=6,
    )


def box() -> Scene:
    """Draw a gift box of card with a paper sleeve, seen over a corner."""
    half = (0.95, 0.52, 0.68)

    def card(p: Array) -> Array:
        q = at(p, 0, 0.52, 0)
        body = slab(q, *half, 0.03)
        lid = np.maximum(abs(q[1] - 0.2) - 0.006, -slab(q, 0.94, 0.6, 0.67, 0.03))
        return np.maximum(body, -lid)

    def sleeve(p: Array) -> Array:
        q = at(p, 0, 0.52, 0)
        return within(
            slab(q, half[0] + 0.3, half[1] + 0.012, half[2] + 0.012, 0.03), abs(q[0] - 0.1) - 0.33
        )

    def kraft(p: Array) -> Array:
        return blend(paint("c39a6b"), paint("b58a5b"), 0.5 + 0.5 * grain(p, 25, 60, 25))

    def printed(p: Array) -> Array:
        x = p[0] - 0.1
        front, top = norm(x, p[1] - 0.55), norm(x, p[2])
        far = np.where(p[1] > 1.0, top, front)
        beams = np.cos(np.arctan2(np.where(p[1] > 1.0, p[2], p[1] - 0.55), x) * 12)
        mark = np.minimum(far - 0.085, np.maximum(abs(far - 0.165) - 0.035, 0.0 - beams * 0.05))
        base = blend(paint("1f5f66"), paint("f1e6cf"), inside(mark, 0.008))
        return blend(base, paint("f1e6cf"), inside(abs(abs(x) - 0.29) - 0.008, 0.008))

    return Scene(
        parts=[
            (card, Stuff(colour=kraft, polish=0.1)),
            (sleeve, Stuff(colour=printed, polish=0.45)),
        ],
        size=(900, 900),
        span=2.8,
        middle=0.5,
        reach=1.45,
        azimuth=33,
        elevation=26,
        noise=0,
    )


def chair() -> Scene:
    """Draw a dining chair with an upholstered seat and oak legs."""

    def seat(p: Array) -> Array:
        q = at(p, 0, 1.02, 0.02)
        q[1] = q[1] - 0.06 * q[0] ** 2 + 0.04 * np.clip(q[2] - 0.25, 0, 1)
        return slab(q, 0.56 - 0.05 * q[2], 0.085, 0.52, 0.08) * 0.9

    def back(p: Array) -> Array:
        q = turn(at(p, 0, 1.78, -0.58), "x", -10)
        q[2] = q[2] - 0.28 * q[0] ** 2
        return slab(q, 0.57, 0.30, 0.065, 0.06) * 0.85

    def frame(p: Array) -> Array:
        q = p.copy()
        q[0] = abs(p[0])
        front = rod(q, (0.42, 0.95, 0.40), (0.52, 0.0, 0.50), 0.055, 0.035)
        behind = rod(q, (0.42, 0.95, -0.40), (0.50, 0.0, -0.60), 0.055, 0.035)
        post = rod(q, (0.42, 0.92, -0.40), (0.40, 1.75, -0.60), 0.05, 0.035)
        side = rod(q, (0.44, 0.88, 0.40), (0.44, 0.88, -0.40), 0.035, 0.035)
        cross = rod(q, (0.0, 0.88, 0.38), (0.42, 0.88, 0.38), 0.035, 0.035)
        return np.maximum(np.minimum.reduce([front, behind, post, side, cross]), -p[1])

    def wool(p: Array) -> Array:
        weave = (
            0.5
            + 0.22 * (np.sin(p[0] * 120) * np.sin((p[1] + p[2]) * 120))
            + 0.3 * grain(p, 50, 60, 55)
        )
        return blend(paint("d3a03a"), paint("b98424"), weave)

    fabric = Stuff(colour=wool, polish=0.05, sheen=0.3)
    return Scene(
        parts=[(seat, fabric), (back, fabric), (frame, Stuff(colour=oak, polish=0.35))],
        ground=("ece6dd", "f1ece5"),
        size=(1000, 1200),
        span=3.0,
        middle=1.03,
        reach=1.5,
        azimuth=-32,
        elevation=14,
    )


def vase() -> Scene:
    """Draw a glass vase that holds three dry stems."""
    profile = [
        (0, 0.30),
        (0.1, 0.46),
        (0.45, 0.62),
        (0.85, 0.56),
        (1.25, 0.27),
        (1.5, 0.22),
        (1.7, 0.33),
        (2, 0.4),
    ]
    body = lathe(profile, 0.03, 50)

    def glass(p: Array) -> Array:
        wall = abs(body(p) + 0.022) - 0.022
        return within(wall + 0.015, p[1] - 1.64) * 0.9 - 0.0135

    stalks: list[tuple[Vector, Vector]] = [
        ((0.2, 0.12, 0.05), (-0.32, 2.75, 0.1)),
        ((-0.12, 0.12, 0.12), (0.12, 3.0, -0.15)),
        ((-0.2, 0.12, -0.1), (0.5, 2.6, 0.15)),
    ]

    def stems(p: Array) -> Array:
        return np.minimum.reduce([rod(p, a, b, 0.018, 0.012) for a, b in stalks])

    def ears(p: Array) -> Array:
        near = np.full(p.shape[1], 9.0, np.float32)
        for low, high in stalks:
            along = np.subtract(high, low)
            start = tuple(np.add(low, along * 0.74))
            heart = rod(p, (start[0], start[1], start[2]), high, 0.095, 0.03)
            q = p - np.array(high, np.float32)[:, None]
            hairs = grain(q, 60, 17, 60) + 0.6 * grain(q, 130, 30, 130)
            near = np.minimum(near, heart - 0.012 * hairs)
        return near * 0.6

    def straw(p: Array) -> Array:
        return blend(paint("e6cfa2"), paint("c7a46c"), 0.5 + 0.5 * grain(p, 60, 20, 60))

    return Scene(
        parts=[
            (stems, Stuff(colour=flat("a78f55"), polish=0.2)),
            (ears, Stuff(colour=straw, polish=0.05, sheen=0.4)),
        ],
        ground=("d9dde1", "eceef0"),
        size=(900, 1200),
        span=3.9,
        middle=1.45,
        reach=1.75,
        azimuth=15,
        elevation=9,
        glass=glass,
    )
