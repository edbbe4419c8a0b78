"""The studio: a camera, three softboxes, a seamless ground, and a small ray marcher."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from manifests.studio.materials import Stuff, blend, paint
from manifests.studio.shapes import Array, Shape, Vector, norm

# numpy declares the result of most arithmetic as Any, hence:
# mypy: disable-error-code="no-any-return"


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
