"""The same few pictures cut out by several providers, side by side on one page."""

import base64
import heapq
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from jinja2 import Environment, StrictUndefined
from PIL import Image

from packshot.facts.errors import BadOption, PackshotError
from packshot.facts.job import Job
from packshot.facts.money import Tariff, cap_of
from packshot.facts.purchase import PurchaseClass
from packshot.facts.variant import Variant
from packshot.providers.face import Provider
from packshot.providers.registry import PROVIDERS
from packshot.run import session
from packshot.run.falling_back import at_most
from packshot.run.looking import scratch_folder, stage
from packshot.run.summary import Summary
from packshot.run.workshop import Place, make_provider
from packshot.world.masters import Masters

USUAL_SAMPLE = 5
SHOWN_PIXELS = 320
"""Longest side of a picture on the page."""
COMPARED_PIXELS = 256
"""Alphas are compared at this size, whatever each provider returns."""
PAGE = "comparison.html"


class Part(NamedTuple):
    """What one provider has done: its run, or why there is none."""

    provider: str
    summary: Summary | None
    rows: Mapping[str, Mapping[str, Any]]
    """The report, by key."""
    reason: str | None = None
    began: bool = False
    """Whether it may have bought something before it came to grief."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One picture by one provider, as the page shows it."""

    row: Mapping[str, Any]
    image: str | None
    """A `data:` address, for the page asks nothing of the network."""
    difference: float | None
    """Share of the product, 0..1, that only one of this and the first provider's cutout holds."""


def compare(job: Job, providers: Sequence[str], key_of: Callable[[str], str | None]) -> Path:
    """Cut a small sample out with each provider, and write one page; answers where it lies.

    The sample has a state of its own in the destination, a folder. Raises `BadOption` where no
    budget holds.
    """
    folder = Path(job.destination)
    keys = {name: key_of(name) for name in providers}
    for name in providers:  # before the first has bought anything
        asked = _job_of(job, name, folder, job.options.max_cost)
        with closing(make_provider(asked, keys[name])) as provider:
            cap_of(asked, Tariff.of(asked, provider.unit))
            _check_account(provider)
    job = job.model_copy(update={"only": job.only or _sample(job)})
    parts: list[Part] = []
    left = job.options.max_cost
    for name in providers:
        asked = _job_of(job, name, folder, left)
        part = _cut(asked, keys[name])
        parts.append(part)
        if left is not None and part.summary is not None:
            left = max(0.0, left - at_most(asked, part.summary.money))
        elif left is not None and part.began:  # nobody knows what it has spent
            left = 0.0
    page = folder / PAGE
    folder.mkdir(parents=True, exist_ok=True)
    page.write_text(_page(job, folder, parts), encoding="utf-8")
    return page


def _check_account(provider: Provider) -> None:
    """Raise `BadOption` where its address is wrong; what may pass by itself is told on the page."""
    try:
        provider.account()
    except BadOption:
        raise
    except PackshotError:
        return


def check_budget(job: Job, providers: Sequence[str]) -> None:
    """Raise `BadOption` where a provider is unknown, or what is paid has no cap."""
    if "://" in job.destination:
        raise BadOption("a comparison is written to a folder of this machine; name one")
    for name in providers:
        entry = PROVIDERS.get(name)
        if entry is None:
            raise BadOption(f"There is no provider `{name}`; there are {', '.join(PROVIDERS)}.")
        if entry.purchase_class is PurchaseClass.PAID and job.options.max_cost is None:
            raise BadOption(
                f"`{name}` is paid: give a budget with `--max-cost`, and with "
                f"`--set price_per_unit.{name}=…` what one unit costs"
            )


def _sample(job: Job) -> list[str]:
    """Keys spread over the catalog: the same ones whenever and with whomever it is asked."""
    with scratch_folder() as folder:
        staged = pq.read_table(stage(job, folder).path, columns=["key"])
    keys = {key for key in staged["key"].to_pylist() if key is not None}
    return heapq.nsmallest(job.options.sample or USUAL_SAMPLE, keys, key=_spread)


def _spread(key: str) -> bytes:
    return blake2b(key.encode(), digest_size=8).digest()


def _job_of(job: Job, provider: str, folder: Path, left: float | None) -> Job:
    """The sample with one provider; what another has bought does not do."""
    options = job.options.model_copy(
        update={
            "catalog": provider,
            "provider_url": job.options.provider_urls.get(provider),
            "sample": None,
            "max_cost": left,
            "yes": None,
            "variants": [Variant()],
            "fallback": [],
            "outputs": [],
            "insist": True,
        }
    )
    return job.model_copy(
        update={
            "provider": provider,
            "destination": str(folder / "pictures" / provider),
            "state": str(folder / "state"),
            "recut": "provider",
            "max_credits": None,  # in the unit of one provider
            "keep_credits": None,
            "options": options,
        }
    )


def _cut(job: Job, key: str | None) -> Part:
    """One provider's run; what stops it is said on the page."""
    began = False
    try:
        shop, _ = session.begin(job, key)
        began = True
        try:
            session.read_manifest(shop)
            session.detect_changes(shop)
            session.check_credits(shop)
            session.run_in_threads(shop)
            summary = session.publish_report(shop)
        finally:
            shop.close()
    except PackshotError as error:
        return Part(job.provider, None, {}, str(error), began=began)
    place = Place.of(job)
    packed = place.state.read(f"{place.run_folder(summary.run_id)}/report.parquet")
    rows = pq.read_table(io.BytesIO(packed)).to_pylist()
    chosen = {row["key"]: row for row in rows if row["plan_state"] != "not_selected"}
    return Part(job.provider, summary, chosen)


def _page(job: Job, folder: Path, parts: Sequence[Part]) -> str:
    keys = list(dict.fromkeys(key for part in parts for key in part.rows if key))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    source = files("packshot.run").joinpath("comparison.html.jinja").read_text(encoding="utf-8")
    masters = Masters(Place.of(_job_of(job, parts[0].provider, folder, None)).state)
    lines = [_line(folder, masters, key, parts) for key in keys]
    template = environment.from_string(source)
    return template.render(parts=parts, lines=lines, manifest=job.manifest_shown)


@dataclass(frozen=True, slots=True)
class Line:
    """One item of the sample."""

    sku: str
    source: str | None
    cells: Sequence[Cell | None]


def _line(folder: Path, masters: Masters, key: str, parts: Sequence[Part]) -> Line:
    cells: list[Cell | None] = []
    source, sku, first = None, key, None
    for part in parts:
        row = part.rows.get(key)
        if row is None:
            cells.append(None)
            continue
        sku = row["sku"] or key
        picture = _picture(folder, part.provider, row)
        alpha = None if picture is None else _alpha(picture)
        first = alpha if first is None else first
        difference = None if alpha is None or first is None else _difference(alpha, first)
        source = source or _source(masters, row)
        image = None if picture is None else _data(picture, "WEBP")
        cells.append(Cell(row, image, difference))
    return Line(sku, source, cells)


def _picture(folder: Path, provider: str, row: Mapping[str, Any]) -> Image.Image | None:
    made = row["pictures"] or []
    if not made:
        return None
    with Image.open(folder / "pictures" / provider / made[0]["path"]) as picture:
        return picture.convert("RGBA")


def _source(masters: Masters, row: Mapping[str, Any]) -> str | None:
    """The preview that lies in the master."""
    if row["fingerprint"] is None:
        return None
    preview = masters.open(row["fingerprint"], row["provider"]).preview
    return f"data:image/jpeg;base64,{base64.b64encode(preview).decode()}"


def _alpha(picture: Image.Image) -> np.ndarray[Any, np.dtype[np.bool_]]:
    small = picture.getchannel("A").resize((COMPARED_PIXELS, COMPARED_PIXELS))
    return np.asarray(small) >= 128  # half opaque: mostly product


def _difference(
    one: np.ndarray[Any, np.dtype[np.bool_]], other: np.ndarray[Any, np.dtype[np.bool_]]
) -> float:
    either = np.count_nonzero(one | other)
    return float(np.count_nonzero(one ^ other) / either) if either else 0.0


def _data(picture: Image.Image, kind: str) -> str:
    shown = picture.copy()
    shown.thumbnail((SHOWN_PIXELS, SHOWN_PIXELS))
    body = io.BytesIO()
    shown.save(body, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(body.getvalue()).decode()}"
