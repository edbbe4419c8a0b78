"""Things to wear, carry and play with."""

import numpy as np

from manifests.studio.light import Scene, unit
from manifests.studio.materials import GUNMETAL, Stuff, blend, flat, grain, inside, paint
from manifests.studio.shapes import (
    Array,
    at,
    disc,
    ellipsoid,
    join,
    lathe,
    norm,
    ring,
    rod,
    slab,
    turn,
    within,
)

# numpy declares the result of most arithmetic as Any, hence:
# mypy: disable-error-code="no-any-return"


def sneaker() -> Scene:
    """Draw a canvas sneaker with a rubber sole."""

    def outline(p: Array) -> Array:
        share = np.clip((p[0] + 1.05) / 2.0, 0, 1)
        width = 0.40 + 0.10 * share * share * (3 - 2 * share) - 0.07 * np.sin(np.pi * share)
        return norm(p[0] + 1.05 - 2.0 * share, p[2] - 0.05 * share) - width

    def lift(p: Array) -> Array:
        q = p.copy()
        q[1] = p[1] - 0.13 * np.clip(p[0] - 0.75, 0, 1) ** 2 - 0.02
        return q

    def sole(p: Array) -> Array:
        q = lift(p)
        tread = 0.006 * np.cos(q[0] * 75) * np.clip(1 - q[1] * 12, 0, 1)
        return (within(outline(q) + 0.02 + tread, abs(q[1] - 0.13) - 0.11) - 0.03) * 0.9

    def upper(p: Array) -> Array:
        q = lift(p)
        front = ellipsoid(at(q, 0.70, 0.25, 0.04), 0.84, 0.40, 0.54)
        instep = ellipsoid(turn(at(q, 0.0, 0.42, 0.02), "z", -24), 0.95, 0.42, 0.40)
        heel = ellipsoid(at(q, -0.88, 0.52, 0), 0.60, 0.95, 0.44)
        foot = join(join(front, instep, 0.22), heel, 0.3)
        foot = -join(-foot, -(outline(q) + 0.01), 0.08)
        foot = np.maximum(foot, 0.1 - q[1])
        collar = q[1] - 0.80 - 0.42 * (q[0] + 0.62) ** 2
        mouth = ellipsoid(turn(at(q, -0.62, 0.98, 0), "z", -14), 0.54, 0.62, 0.29)
        return -join(join(-foot, -collar, 0.05), mouth, 0.06) * 0.85

    def tongue(p: Array) -> Array:
        q = turn(at(p, -0.27, 0.93, 0.01), "z", -40)
        q[1] = q[1] + 0.9 * q[2] * q[2] - 0.25 * q[0] * q[0]
        return slab(q, 0.30, 0.035, 0.20, 0.03) * 0.75

    def laces(p: Array) -> Array:
        snug = abs(upper(p) - 0.012) - 0.008
        along = p[0] - 0.55 * p[1] + 0.42
        near = np.full(p.shape[1], 9.0, np.float32)
        for number in range(5):
            slant = 0.22 * (1 if number % 2 else -1)
            bar = abs(along - 0.155 * number + slant * (p[2] - 0.02)) * 0.85 - 0.026
            near = np.minimum(near, bar)
        return (within(snug, near, abs(p[2] - 0.02) - 0.235, 0.45 - p[1]) - 0.014) * 0.85

    def cloth(p: Array) -> Array:
        weave = 0.5 + 0.3 * grain(p, 120, 140, 130)
        base = blend(paint("cf4f39"), paint("ba4330"), weave)
        stripe = abs(p[0] + 0.55 * p[1] - 0.12) - 0.06
        stripe = np.maximum(np.minimum(stripe, abs(p[0] + 0.55 * p[1] - 0.36) - 0.06), p[1] - 0.70)
        base = blend(base, paint("f3eee2"), inside(np.maximum(stripe, 0.2 - abs(p[2]))))
        stitch = abs(norm(p[0] - 1.32, p[1] - 0.1) - 0.66) - 0.008
        base = blend(base, paint("8d3325"), inside(stitch) * (p[0] > 0.5))
        toe = norm(p[0] - 1.5, p[1] - 0.05) - 0.56
        return blend(base, paint("f0ece2"), inside(toe, 0.01))

    def rubber(p: Array) -> Array:
        line = abs(lift(p)[1] - 0.2) - 0.012
        return blend(paint("f4f1ea"), paint("c4503c"), inside(line))

    return Scene(
        parts=[
            (upper, Stuff(colour=cloth, polish=0.15, sheen=0.25)),
            (sole, Stuff(colour=rubber, polish=0.35)),
            (tongue, Stuff(colour=flat("c64a35"), polish=0.1, sheen=0.25)),
            (laces, Stuff(colour=flat("f4f0e6"), polish=0.1)),
        ],
        ground=("d5dadd", "f2f3f3"),
        size=(1200, 900),
        span=2.55,
        middle=0.62,
        reach=1.75,
        azimuth=22,
        elevation=17,
    )


def watch() -> Scene:
    """Draw a wrist watch whose strap stands as a closed ring."""

    def face(p: Array) -> Array:
        return turn(at(p, 0, 1.30, 0.62), "x", 52)

    def strap(p: Array) -> Array:
        q = at(p, 0, 0.84, 0)
        loop = norm(q[1] / 0.80, q[2] / 0.86)
        band = abs(loop - 1) * 0.80 - 0.028
        width = 0.29 - 0.05 * np.clip(0.6 - q[1] - q[2], 0, 1)
        ends = disc(face(p), 0.61, 0.4, 0.02)
        return np.maximum(within(band, abs(q[0]) - width) - 0.022, -ends) * 0.85

    def case(p: Array) -> Array:
        q = face(p)
        body = disc(q, 0.56, 0.13, 0.05)
        lugs = (
            within(
                abs(abs(q[0]) - 0.27) - 0.055,
                abs(q[1] + 0.09) - 0.05 + 0.06 * abs(q[2]),
                abs(q[2]) - 0.63,
            )
            - 0.03
        )
        dish = disc(at(q, 0, 0.16, 0), 0.47, 0.07, 0.01)
        return np.maximum(join(body, lugs, 0.06), -dish)

    def crown(p: Array) -> Array:
        q = turn(at(face(p), 0.63, 0, 0), "z", 90)
        return disc(q, 0.075 + 0.006 * np.cos(np.arctan2(q[2], q[0]) * 22), 0.06, 0.02) * 0.8

    def dial(p: Array) -> Array:
        return disc(at(face(p), 0, 0.08, 0), 0.472, 0.014, 0.004)

    def hands(p: Array) -> Array:
        q = at(face(p), 0, 0.112, 0)
        hour = within(abs(turn(q, "y", 58)[0]) - 0.018, abs(turn(q, "y", 58)[2] + 0.11) - 0.15)
        minute = within(abs(turn(q, "y", -60)[0]) - 0.013, abs(turn(q, "y", -60)[2] + 0.16) - 0.23)
        hub = norm(q[0], q[2]) - 0.035
        return within(np.minimum(np.minimum(hour, minute), hub), abs(q[1]) - 0.006)

    def leather(p: Array) -> Array:
        base = blend(paint("8a5632"), paint("744526"), 0.5 + 0.5 * grain(p, 40, 34, 37))
        around = np.arctan2(p[1] - 0.84, p[2])
        thread = np.maximum(abs(abs(p[0]) - 0.235) - 0.009, 0.25 - abs(np.sin(around * 34)))
        return blend(base, paint("e5d3b0"), inside(thread, 0.01))

    def numbers(p: Array) -> Array:
        q = face(p)
        far, around = norm(q[0], q[2]), np.arctan2(q[2], q[0])
        hour = (around / (np.pi / 6) + 0.5) % 1 - 0.5
        minute = (around / (np.pi / 30) + 0.5) % 1 - 0.5
        ticks = within(abs(hour) * far * 0.52 - 0.013, abs(far - 0.355) - 0.05)
        dots = within(abs(minute) * far * 0.105 - 0.004, abs(far - 0.435) - 0.012)
        navy = blend(paint("24405f"), paint("16263c"), far / 0.47)
        return blend(navy, paint("e6cf9c"), inside(np.minimum(ticks, dots), 0.006))

    return Scene(
        parts=[
            (strap, Stuff(colour=leather, polish=0.35)),
            (case, GUNMETAL),
            (crown, GUNMETAL),
            (dial, Stuff(colour=numbers, polish=0.85)),
            (hands, Stuff(colour=flat("ead4a4"), polish=0.3)),
        ],
        ground=("f3f1ee", "f6f4f1"),
        size=(1000, 1000),
        span=2.6,
        middle=0.95,
        reach=1.35,
        azimuth=38,
        elevation=24,
    )


def tote() -> Scene:
    """Draw a canvas tote bag with two handles."""

    def bag(p: Array) -> Array:
        q = at(p, 0, 0.92, 0)
        droop = (
            np.clip(0.95 - 0.62 * (q[1] + 0.35), 0.2, 1) * np.clip((q[1] + 1.02) * 5, 0, 1) ** 0.5
        )
        full = 0.05 + 0.24 * droop * np.sqrt(np.clip(1 - (q[0] / 0.86) ** 2, 0, 1))
        folds = 0.014 * grain(p, 5, 4, 2) + 0.013 * np.sin(q[0] * 9 + q[1] * 5) * np.clip(
            q[1] + 0.6, 0, 1
        )
        wide = 0.80 - 0.05 * q[1] + 0.02 * np.sin(q[1] * 4)
        top = 0.9 - 0.03 * np.cos(q[0] * 3)
        sides = within(abs(q[0]) - wide + 0.12, abs(q[1]) - top + 0.12) - 0.12
        shell = within(sides + 0.03, abs(q[2]) - full + folds + 0.03) - 0.03
        mouth = within(abs(q[0]) - 0.72, abs(q[2]) - 0.05, 0.6 - q[1])
        return np.maximum(shell, -mouth) * 0.6

    def straps(p: Array) -> Array:
        near = np.full(p.shape[1], 9.0, np.float32)
        for z, lean in ((0.145, 0.02), (-0.10, -0.07)):
            q = at(p, lean, 1.60, z)
            high = np.maximum(q[1], 0)
            q[2] = q[2] - 0.10 * np.sign(z) * np.clip(-q[1], 0, 1) + 0.25 * z * high
            arc = norm(q[0] / 0.36, np.maximum(q[1] - 0.16, 0) / 0.50)
            band = abs(arc - 1) * 0.36 - 0.04
            near = np.minimum(near, within(band, abs(q[2]) - 0.003, -q[1] - 0.02) - 0.005)
        return near * 0.7

    def canvas(p: Array) -> Array:
        weave = 0.5 + 0.3 * grain(p, 150, 170, 1) + 0.12 * grain(p, 9, 90, 1)
        base = blend(paint("f4ead3"), paint("e6d9bc"), weave)
        sun = norm(p[0], p[1] - 0.78) - 0.30
        bars = abs(((p[1] - 0.78) / 0.075) % 1 - 0.4) * 0.075 - 0.028
        low = np.maximum(norm(p[0], p[1] - 0.78) - 0.30, p[1] - 0.78)
        sunset = np.minimum(np.maximum(sun, 0.78 - p[1]), np.maximum(low, bars))
        base = blend(base, paint("cf6b3f"), inside(sunset, 0.008) * 0.93 * (p[2] > 0))
        hem = np.minimum(abs(p[1] - 1.68), abs(p[1] - 1.665)) - 0.003
        return blend(base, paint("b8a47d"), inside(hem))

    cloth = Stuff(colour=canvas, polish=0.05, sheen=0.15)
    return Scene(
        parts=[(bag, cloth), (straps, Stuff(colour=flat("eadfc6"), polish=0.05, sheen=0.15))],
        size=(1000, 1200),
        span=3.0,
        middle=1.13,
        reach=1.55,
        azimuth=-20,
        elevation=9,
    )


def ball() -> Scene:
    """Draw a basketball."""

    def seams(p: Array) -> Array:
        q = turn(turn(at(p, 0, 0.9, 0), "x", 28), "y", 24)
        q = turn(q, "z", 18) / 0.9
        arc = abs(norm(q[0] * 0.9, q[2] * 1.0, abs(q[1]) - 1.32) - 0.92)
        return np.minimum(np.minimum(abs(q[0]), abs(q[1])), arc * 0.9) * 0.9

    def leather(p: Array) -> Array:
        q = at(p, 0, 0.9, 0)
        pebble = (
            np.sin(q[0] * 110 + q[1] * 31) * np.sin(q[1] * 113 - q[2] * 29) * np.sin(q[2] * 107)
        )
        groove = np.clip(1 - seams(p) / 0.022, 0, 1)
        return (norm(*q) - 0.9 - 0.0022 * pebble * (groove == 0) + 0.014 * groove) * 0.85

    def tint(p: Array) -> Array:
        orange = blend(paint("d9762f"), paint("c5611f"), 0.5 + 0.4 * grain(p, 2, 3, 2))
        return blend(orange, paint("262020"), inside(seams(p) - 0.016, 0.008))

    return Scene(
        parts=[(leather, Stuff(colour=tint, polish=0.3))],
        ground=("dfe1e3", "e6e7e8"),
        span=2.7,
        middle=0.86,
        reach=1.0,
        elevation=13,
    )


def headphones() -> Scene:
    """Draw black headphones on a nearly black ground."""

    def cup(p: Array) -> Array:
        q = p.copy()
        q[0] = abs(p[0])
        return turn(at(q, 0.80, 0.50, 0), "z", 90)

    def shells(p: Array) -> Array:
        q = cup(p)
        q[0] = q[0] / 1.2
        return disc(at(q, 0, -0.07, 0), 0.40, 0.10, 0.07)

    def accents(p: Array) -> Array:
        q = at(cup(p), 0, -0.165, 0)
        q[0] = q[0] / 1.2
        return ring(q, 0.30, 0.018) * 0.8

    def pads(p: Array) -> Array:
        q = at(cup(p), 0, 0.15, 0)
        q[0] = q[0] / 1.2
        roll = within(abs(norm(q[0], q[2]) - 0.3) - 0.03, abs(q[1]) - 0.04) - 0.085
        return roll + 0.004 * grain(p, 14, 9, 14)

    def band(p: Array) -> Array:
        q = at(p, 0, 1.12, 0)
        arc = norm(q[0] / 0.84, np.maximum(q[1], 0) / 0.92)
        flat = within(abs(arc - 1) * 0.84 - 0.03, abs(q[2]) - 0.13, -q[1] - 0.12) - 0.035
        return flat * 0.85

    def cushion(p: Array) -> Array:
        q = at(p, 0, 1.12, 0)
        arc = norm(q[0] / 0.76, np.maximum(q[1], 0) / 0.84)
        return (within(abs(arc - 1) * 0.76 - 0.02, abs(q[2]) - 0.10, 0.38 - q[1]) - 0.05) * 0.8

    def yoke(p: Array) -> Array:
        q = p.copy()
        q[0] = abs(p[0])
        return np.minimum(
            rod(q, (0.845, 1.14, 0), (0.875, 0.72, 0), 0.035, 0.035),
            rod(q, (0.875, 0.72, 0), (0.91, 0.55, 0), 0.045, 0.06),
        )

    leather = Stuff(colour=flat("2a2a2d"), polish=0.2, sheen=0.5)
    return Scene(
        parts=[
            (shells, Stuff(colour=flat("1d1e21"), polish=0.45, shine=0.05)),
            (accents, Stuff(colour=flat("c98f66"), shine=0.7, polish=0.6, metal=True)),
            (pads, leather),
            (band, Stuff(colour=flat("1f2023"), polish=0.5)),
            (cushion, leather),
            (yoke, Stuff(colour=flat("a9abb0"), shine=0.6, polish=0.7, metal=True)),
        ],
        ground=("404246", "4b4d51"),
        span=2.85,
        middle=1.05,
        reach=1.55,
        azimuth=32,
        elevation=11,
        light=1.9,
    )


def hat() -> Scene:
    """Draw a knitted hat with a bobble."""
    dome = lathe(
        [(0.1, 0.76), (0.6, 0.78), (0.95, 0.68), (1.2, 0.46), (1.34, 0.18), (1.38, 0.06)], 0.03
    )
    turned_up = lathe([(0.03, 0.80), (0.12, 0.85), (0.46, 0.855), (0.54, 0.80)], 0.05)

    def stitches(p: Array) -> Array:
        around = np.arctan2(p[2], p[0]) * 38 / np.pi
        ribs = abs(around % 1 - 0.5)
        return 0.5 + 0.5 * np.cos(2 * np.pi * (p[1] * 15 + ribs * 1.3)) - 1.5 * ribs**2

    def crown(p: Array) -> Array:
        return (dome(p) - 0.016 * stitches(p)) * 0.6

    def cuff(p: Array) -> Array:
        ribs = np.cos(np.arctan2(p[2], p[0]) * 46)
        loops = np.cos(p[1] * 75)
        return (turned_up(p) - 0.016 * ribs - 0.005 * loops * np.maximum(ribs, 0)) * 0.6

    def bobble(p: Array) -> Array:
        q = at(p, 0, 1.60, 0)
        way = unit(q)
        tufts = grain(way, 17, 19, 18) + 0.7 * grain(way, 41, 37, 43)
        return (norm(*q) - 0.29 - 0.024 * tufts) * 0.5

    def yarn(p: Array) -> Array:
        shade = np.clip(stitches(p) * 0.8, 0, 1)
        base = blend(paint("274a63"), paint("3d6a86"), shade)
        cream = blend(paint("cfc4ae"), paint("efe7d6"), shade)
        stripe = np.minimum(abs(p[1] - 0.72) - 0.035, abs(p[1] - 0.87) - 0.035)
        return blend(base, cream, inside(stripe, 0.01))

    def fluff(p: Array) -> Array:
        return blend(
            paint("d8cdb8"), paint("fffaf0"), 0.7 + 0.5 * grain(unit(at(p, 0, 1.6, 0)), 31, 27, 33)
        )

    wool = Stuff(colour=yarn, polish=0.02, sheen=0.5)
    return Scene(
        parts=[
            (crown, wool),
            (cuff, Stuff(colour=flat("315a76"), polish=0.02, sheen=0.5)),
            (bobble, Stuff(colour=fluff, polish=0.02, sheen=0.5, glow=0.14)),
        ],
        ground=("f4eeea", "f3ece7"),
        span=2.6,
        middle=0.95,
        reach=1.3,
        azimuth=12,
        elevation=10,
    )
