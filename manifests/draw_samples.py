"""Draw the pictures of the sample catalog.

Nothing is photographed: every product is a distance function, and a small ray
marcher lights it in a studio of three softboxes. Run it to redraw the folder:

    python manifests/draw_samples.py manifests/samples
"""

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

# numpy declares the result of most arithmetic as Any, hence:
# mypy: disable-error-code="no-any-return"

Array = NDArray[Any]
Shape = Callable[[Array], Array]  # points (3, n) -> distance to the surface (n,)
Vector = tuple[float, float, float]

# --- Shapes ------------------------------------------------------------------


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


# --- Materials ---------------------------------------------------------------


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


# --- The studio --------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A product, the ground it stands on, and how the camera sees it."""

    parts: Sequence[tuple[Shape, Stuff]]
    ground: tuple[str, str] = ("ffffff", "ffffff")  # far, near
    size: tuple[int, int] = (1000, 1000)
    span: float = 2.8  # how much of the world the picture's height shows
    middle: float = 0.95  # the height that the camera looks at
    reach: float = 1.5  # nothing of the product is farther from there
    azimuth: float = 25
    elevation: float = 14
    glass: Shape | None = None
    light: float = 1.15
    noise: float = 0.8

    def solid(self, p: Array) -> Array:
        """Distance to the nearest part."""
        return np.minimum.reduce([shape(p) for shape, _ in self.parts])

    def everything(self, p: Array) -> Array:
        """Distance to the nearest part, glass included."""
        return np.minimum(self.solid(p), self.glass(p)) if self.glass else self.solid(p)


DISTANCE = 9.0
SOFTBOXES: tuple[tuple[Vector, float, float, float], ...] = (
    ((-0.80, 0.60, 0.62), 0.42, 0.75, 2.6),  # key: high on the left
    ((0.97, 0.25, 0.30), 0.16, 0.95, 1.5),  # strip on the right
    ((0.10, 1.00, -0.45), 0.80, 0.35, 1.5),  # above and behind
)


def unit(v: Array) -> Array:
    """Scale vectors to length one."""
    return v / np.maximum(np.sqrt((v * v).sum(0)), 1e-6)


def aim(v: Vector) -> Array:
    """Make a direction that broadcasts over points."""
    return unit(np.array(v, np.float32)[:, None])


def camera(scene: Scene) -> tuple[Array, Array, Array, Array]:
    """Place the eye: its position and its axes right, up, forward."""
    turned, raised = np.radians(scene.azimuth), np.radians(scene.elevation)
    back = aim((np.sin(turned) * np.cos(raised), np.sin(raised), np.cos(turned) * np.cos(raised)))
    right = aim((np.cos(turned), 0, -np.sin(turned)))
    up = np.cross(back, right, axis=0)
    eye = back * DISTANCE + np.array([[0], [scene.middle], [0]], np.float32)
    return eye, right, up, -back


def rays(scene: Scene, xy: Array) -> tuple[Array, Array]:
    """Send a ray from the eye through each picture point."""
    eye, right, up, forward = camera(scene)
    width, height = scene.size
    across = (xy[0] - width / 2) * (scene.span / height / DISTANCE)
    down = (xy[1] - height / 2) * (scene.span / height / DISTANCE)
    return eye.astype(np.float32), unit(forward + right * across - up * down).astype(np.float32)


def march(shape: Shape, start: Array, way: Array, near: Array, far: Array) -> Array:
    """Walk along each ray until it meets the shape; infinite if it does not."""
    reached = near.copy()
    met = np.full(near.shape, np.inf, np.float32)
    walking = np.flatnonzero(near < far)
    for _ in range(140):
        gap = shape(start + way[:, walking] * reached[walking])
        arrived = gap < 0.0012
        met[walking[arrived]] = reached[walking[arrived]]
        reached[walking] += gap * 0.85
        walking = walking[~arrived & (reached[walking] < far[walking])]
        if not walking.size:
            break
    return met


def normal(shape: Shape, p: Array) -> Array:
    """Which way the surface faces."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], np.float32)
    total = np.zeros_like(p)
    for corner in corners:
        total += corner[:, None] * shape(p + corner[:, None] * 0.0015)
    return unit(total)


def crevice(shape: Shape, p: Array, n: Array, steps: Sequence[float]) -> Array:
    """How open a point is to the room: one in the open, less in corners."""
    shut = np.zeros(p.shape[1], np.float32)
    for step in steps:
        free = np.minimum(shape(p + n * step), np.maximum(p[1] + n[1] * step, 0) + 0.3 * step)
        shut += np.clip(1 - free / step, 0, 1) / len(steps)
    return np.clip(1 - 1.05 * shut, 0, 1)


def shadow(shape: Shape, p: Array, way: Array, soft: float) -> Array:
    """How much of a softbox a point sees past the product."""
    lit = np.ones(p.shape[1], np.float32)
    gone = np.full(p.shape[1], 0.03, np.float32)
    for _ in range(22):
        gap = shape(p + way * gone)
        lit = np.minimum(lit, 0.5 + 0.5 * soft * gap / gone)
        gone = gone + np.clip(gap, 0.03, 0.3)
    lit = np.clip(lit, 0, 1)
    return lit * lit * (3 - 2 * lit)


def room(way: Array, polish: float, floor: Array) -> Array:
    """Light that comes from a direction: softboxes in a dim room on a ground."""
    haze = 0.03 + 0.5 * (1 - polish) ** 1.5
    horizon = np.clip(0.5 + way[1] * (1.5 + 3 * polish), 0, 1)
    light = floor * 0.75 * (1 - horizon) + (0.20 + 0.25 * np.clip(way[1], 0, 1)) * horizon
    for centre, wide, tall, power in SOFTBOXES:
        middle = aim(centre)
        side = unit(np.cross(middle, aim((0, 1, 0.001)), axis=0))
        over = np.cross(side, middle, axis=0)
        facing = (way * middle).sum(0)
        depth = np.maximum(facing, 0.05)
        a = np.clip((wide + haze / 2 - abs((way * side).sum(0)) / depth) / haze, 0, 1)
        b = np.clip((tall + haze / 2 - abs((way * over).sum(0)) / depth) / haze, 0, 1)
        spread = wide * tall / ((wide + haze / 2) * (tall + haze / 2))
        box = a * a * (3 - 2 * a) * b * b * (3 - 2 * b) * (facing > 0)
        light = light + power * spread * box
    return light


def light_up(scene: Scene, p: Array, way: Array) -> Array:
    """Colour of the product at points that the camera sees."""
    distances = np.stack([shape(p) for shape, _ in scene.parts])
    nearest = distances.argmin(0)
    n = normal(scene.solid, p)
    key, strip = aim(SOFTBOXES[0][0]), aim(SOFTBOXES[1][0])
    opened = crevice(scene.solid, p, n, (0.03, 0.08, 0.18, 0.35))
    lit = shadow(scene.solid, p + n * 0.01, key, 5)
    floor = paint(scene.ground[1])
    falling = np.clip(((n * key).sum(0) + 0.15) / 1.15, 0, 1) * lit
    beside = np.clip(((n * strip).sum(0) + 0.2) / 1.2, 0, 1)
    above = 0.5 + 0.5 * n[1]
    ambient = opened * (0.34 * above + 0.26 * (1 - above) * floor)
    diffuse = 0.62 * falling + 0.16 * beside * opened + ambient
    facing = np.clip(-(n * way).sum(0), 0, 1)
    mirror = way + 2 * facing * n
    colour = np.zeros_like(p)
    for number, (_, stuff) in enumerate(scene.parts):
        mine = np.flatnonzero(nearest == number)
        if not mine.size:
            continue
        base = stuff.colour(p[:, mine])
        edge = (1 - facing[mine]) ** 5 * (1 - stuff.shine) * stuff.polish
        gleam = room(mirror[:, mine], stuff.polish, floor) * (0.25 + 0.75 * opened[mine])
        gleam = gleam * (stuff.shine + edge)
        fuzz = stuff.sheen * (1 - facing[mine]) ** 3 * (0.4 + 0.6 * above[mine])
        body = base * diffuse[:, mine] * (0.12 if stuff.metal else 1) + base * fuzz
        colour[:, mine] = body + gleam * (base if stuff.metal else 1) + base * stuff.glow
    return colour * scene.light


def through_glass(scene: Scene, glass: Shape, xy: Array, behind: Array) -> Array:
    """Look at what lies behind through every wall of a thin glass."""
    start, way = rays(scene, xy)
    far = np.full(xy.shape[1], DISTANCE + scene.reach, np.float32)
    reached = np.full(xy.shape[1], DISTANCE - scene.reach, np.float32)
    colour = behind
    floor = paint(scene.ground[1])
    for _ in range(4):
        reached = march(lambda p: abs(glass(p)), start, way, reached, far)
        seen = np.flatnonzero(np.isfinite(reached))
        if not seen.size:
            break
        p = start + way[:, seen] * reached[seen]
        n = normal(glass, p)
        facing = (n * way[:, seen]).sum(0)
        n, facing = n * -np.sign(facing), abs(facing)
        rim = (1 - facing) ** 3
        mirror = way[:, seen] + 2 * facing * n
        gleam = room(mirror, 0.9, floor) * (0.05 + 0.2 * rim)
        tint = 1 - paint("b7aca6") * (0.03 + 2.4 * rim)
        colour[:, seen] = colour[:, seen] * np.clip(tint, 0.25, 1) + gleam * 0.5
        reached = reached + 0.012
    return colour


def on_the_ground(scene: Scene) -> Array:
    """Shade of the ground, seen by the camera, at a quarter of the size."""
    width, height = scene.size
    rows, columns = np.mgrid[2:height:4, 2:width:4].astype(np.float32)
    start, way = rays(scene, np.stack([columns.ravel(), rows.ravel()]))
    shade = np.ones(columns.size, np.float32)
    down = np.flatnonzero(way[1] < -1e-3)
    p = start + way[:, down] * (-start[1] / way[1, down])
    close = norm(p[0], p[2]) < 3.2 * scene.reach
    down, p = down[close], p[:, close]
    up = np.broadcast_to(aim((0, 1, 0)), p.shape).astype(np.float32)
    opened = crevice(scene.everything, p, up, (0.04, 0.1, 0.22, 0.45, 0.8))
    lit = shadow(scene.everything, p, aim((-0.55, 1.0, 0.35)), 2.6)
    weak = 0.5 if scene.glass else 1.0
    fade = np.clip(norm(p[0], p[2]) / (1.6 * scene.reach) - 1, 0, 1)
    dim = (1 - 0.34 * weak * (1 - lit)) * (1 - 0.78 * weak * (1 - opened))
    shade[down] = dim + (1 - dim) * fade
    return cv2.GaussianBlur(shade.reshape(columns.shape), (0, 0), 0.8)


def backdrop(scene: Scene, xy: Array, shade: Array) -> Array:
    """Colour of the seamless ground behind and under the product."""
    width, height = scene.size
    place = (xy.astype(np.float32) - 2) / 4
    dim = cv2.remap(
        shade,
        place[0][:, None],
        place[1][:, None],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).ravel()
    top, bottom = (paint(code) for code in scene.ground)
    down = np.clip(xy[1] / height * 1.5 - 0.4, 0, 1)
    colour = blend(top, bottom, down * down * (3 - 2 * down))
    spot = norm(xy[0] / width - 0.45, xy[1] / height - 0.5)
    tone = np.array([[1.02], [1.0], [0.98]], np.float32)
    return colour * (1.03 - 0.12 * spot**2) * dim**tone


def look(scene: Scene, xy: Array, shade: Array) -> Array:
    """Colour of each picture point."""
    start, way = rays(scene, xy)
    centre = np.array([[0], [scene.middle], [0]], np.float32)
    middle = ((centre - start) * way).sum(0)
    miss = ((start + way * middle - centre) ** 2).sum(0)
    chord = np.sqrt(np.maximum(scene.reach**2 - miss, 0))
    reached = march(scene.solid, start, way, middle - chord, middle + chord)
    colour = backdrop(scene, xy, shade)
    seen = np.flatnonzero(np.isfinite(reached))
    if seen.size:
        bright = light_up(scene, start + way[:, seen] * reached[seen], way[:, seen])
        knee = 0.62
        rolled = knee + (1 - knee) * (1 - np.exp(-np.maximum(bright - knee, 0) / (1 - knee)))
        colour[:, seen] = np.where(bright < knee, bright, rolled)
    if scene.glass:
        colour = through_glass(scene, scene.glass, xy, colour)
    return np.clip(colour, 0, 1) ** (1 / 2.2)


def in_pieces(points: Array, size: int = 30_000) -> Iterator[slice]:
    """Cut a long list of points: cache likes it, and OpenCV's remap ends at 32,767."""
    return (slice(i, i + size) for i in range(0, points.shape[1], size))


def expose(scene: Scene) -> Array:
    """Take the picture: once per pixel, then nine times where it changes fast."""
    width, height = scene.size
    shade = on_the_ground(scene)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    xy = np.stack([columns.ravel(), rows.ravel()])
    colour = np.concatenate([look(scene, xy[:, s] + 0.5, shade) for s in in_pieces(xy)], 1)
    picture = colour.T.reshape(height, width, 3).astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    contrast = (cv2.dilate(picture, kernel) - cv2.erode(picture, kernel)).max(2)
    busy = np.flatnonzero(contrast.ravel() > 0.08)
    offsets = [((i + 0.5) / 3, (j + 0.5) / 3) for i in range(3) for j in range(3)]
    for s in in_pieces(busy[None]):
        some = xy[:, busy[s]]
        shots = [look(scene, some + np.array([[x], [y]], np.float32), shade) for x, y in offsets]
        picture.reshape(-1, 3)[busy[s]] = np.mean(shots, 0).T
    return picture


def develop(scene: Scene) -> Image.Image:
    """Give the exposure what a lens and a sensor would have left on it."""
    picture = cv2.GaussianBlur(expose(scene), (0, 0), 0.45)
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    vignette = 1 - 0.012 * scene.noise * (rows**2 + columns**2) ** 1.5
    sensor = np.random.default_rng(7).normal(0, scene.noise / 255, (height, width, 1))
    final = (picture * vignette[..., None] + sensor) * 255
    return Image.fromarray(np.clip(final + 0.5, 0, 255).astype(np.uint8))


# --- The products ------------------------------------------------------------


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


# --- The files ---------------------------------------------------------------

PRODUCTS: dict[str, Callable[[], Scene]] = {
    "mug.jpg": mug,
    "mug-2.jpg": mug_again,
    "bottle.jpg": bottle,
    "sneaker.jpg": sneaker,
    "watch.jpg": watch,
    "tote.jpg": tote,
    "lamp.jpg": lamp,
    "box.png": box,
    "ball.jpg": ball,
    "headphones.jpg": headphones,
    "chair.jpg": chair,
    "vase.webp": vase,
    "hat.jpg": hat,
}


HELD_UPRIGHT = {"lamp.jpg"}  # the camera was turned: EXIF orientation 6
PICTURES = (*PRODUCTS, "mug-cutout.png")
TROUBLE = ("broken.jpg", "not-a-picture.jpg")

LOST_PAGE = b"""<!DOCTYPE html>
<html><head><title>404 Not Found</title></head>
<body><h1>Not Found</h1><p>This picture has moved.</p></body></html>
"""


def cut_out(scene: Scene) -> Image.Image:
    """Leave the ground away, as a shop does that has cut its pictures by hand."""
    width, height = scene.size
    rows, columns = np.mgrid[0 : height * 3, 0 : width * 3].astype(np.float32)
    xy = np.stack([columns.ravel(), rows.ravel()]) / 3 + 1 / 6
    pixel = scene.span / height
    seen = []
    for s in in_pieces(xy):
        start, way = rays(scene, xy[:, s])
        near = np.full(way.shape[1], DISTANCE - scene.reach, np.float32)
        met = march(lambda p: scene.solid(p) + pixel, start, way, near, near + 2 * scene.reach)
        seen.append(np.isfinite(met))
    mask = Image.fromarray(np.concatenate(seen).reshape(rows.shape).astype(np.uint8) * 255)
    alpha = mask.resize(scene.size, Image.Resampling.BOX)
    clear = Image.new("RGBA", scene.size)
    clear.paste(develop(scene), mask=alpha)
    clear.putalpha(alpha)
    return clear


def encoded(picture: Image.Image, name: str) -> bytes:
    """Save a picture the way its name says."""
    file = io.BytesIO()
    match Path(name).suffix:
        case ".png":
            picture.save(file, "PNG", optimize=True)
        case ".webp":
            picture.save(file, "WEBP", quality=90, method=6)
        case _ if name in HELD_UPRIGHT:
            exif = Image.Exif()
            exif[ExifTags.Base.Orientation] = 6
            sideways = picture.transpose(Image.Transpose.ROTATE_90)
            sideways.save(file, "JPEG", quality=90, optimize=True, exif=exif)
        case _:
            picture.save(file, "JPEG", quality=90, optimize=True)
    return file.getvalue()


@cache
def draw(name: str) -> bytes:
    """Draw one file of the sample catalog."""
    match name:
        case "not-a-picture.jpg":
            return LOST_PAGE
        case "broken.jpg":
            whole = draw("bottle.jpg")
            return whole[: len(whole) // 2]
        case "mug-cutout.png":
            return encoded(cut_out(replace(mug(), size=(480, 480), noise=0)), name)
        case _:
            return encoded(develop(PRODUCTS[name]()), name)


def main(folder: Path) -> None:
    """Draw every file into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*PICTURES, *TROUBLE):
        (folder / name).write_bytes(draw(name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
