"""Finished pictures: derive and publish them, and say when one looks wrong."""

import json
import time
from collections.abc import Iterator

from packshot.decisions.judging import Doubt, judge
from packshot.facts.job import Job
from packshot.facts.naming import bought_path, picture_path
from packshot.facts.outcome import Published, Seconds
from packshot.facts.picture_file import CONTENT_TYPES
from packshot.facts.purchase import BoughtPicture, PurchaseClass, Receipt
from packshot.run.shelf import Obtained
from packshot.run.work import WorkItem, stated_box_in_source
from packshot.run.workshop import Workshop
from packshot.world.derive import derive


def publish_pictures(
    shop: Workshop, item: WorkItem, obtained: Obtained, seconds: Seconds
) -> list[Published]:
    """Make every variant and publish it, and what was bought beside it.

    `seconds` is filled in.
    """
    pictures = []
    for variant in shop.job.options.variants:
        started = time.monotonic()
        derived = derive(obtained.cutout, variant, obtained.alpha.box)
        derived_at = time.monotonic()
        path = picture_path(item.sku, variant, obtained.receipt.result_hash)
        shop.place.destination.write(path, derived.content, variant.content_type)
        size = len(derived.content)
        pictures.append(Published(variant.name, path, derived.width, derived.height, size))
        seconds.derive += derived_at - started
        seconds.publish += time.monotonic() - derived_at
    pictures += _published_as_bought(shop, item, obtained, seconds)
    if shop.job.options.sidecar:
        _write_sidecars(shop, item, obtained.receipt, pictures)
    return pictures


def _published_as_bought(
    shop: Workshop, item: WorkItem, obtained: Obtained, seconds: Seconds
) -> Iterator[Published]:
    """Write what the provider made beside the cutout as it came."""
    for bought in _wanted(shop.job, obtained.receipt):
        started = time.monotonic()
        path, content = bought_path(item.sku, bought), obtained.further[bought.name]
        shop.place.destination.write(path, content, CONTENT_TYPES[bought.format])
        yield Published(bought.name, path, bought.width, bought.height, len(content))
        seconds.publish += time.monotonic() - started


def _wanted(job: Job, receipt: Receipt) -> list[BoughtPicture]:
    """What was made beside the cutout and looks as it is asked for now."""
    asked = {output.name: output.canonical() for output in job.options.outputs}
    return [one for one in receipt.further if asked.get(one.name) == one.asked]


def _write_sidecars(
    shop: Workshop, item: WorkItem, receipt: Receipt, pictures: list[Published]
) -> None:
    """One JSON beside each picture: what it is and what it cost."""
    bought = receipt.model_dump(mode="json", exclude={"run_id", "catalog", "version"})
    for picture in pictures:
        facts = {"sku": item.sku, "key": item.key, **picture._asdict(), **bought}
        name = picture.path.rpartition(".")[0] + ".json"
        body = json.dumps(facts, indent=1).encode()
        shop.place.destination.write(name, body, "application/json")


def doubt_about(job: Job, item: WorkItem, obtained: Obtained) -> Doubt | None:
    """Why a person should look at a cutout, the provider's own doubt first."""
    if obtained.receipt.doubt is not None:
        return Doubt("provider_unsure", obtained.receipt.doubt)
    if obtained.receipt.purchase_class is PurchaseClass.DEGRADED:
        return Doubt("smaller_than_asked", "The provider returned less than was asked for.")
    if _wants_more_pixels(job, obtained.receipt):
        return Doubt("smaller_than_variant", "A variant wants more pixels than were bought.")
    if not item.options.has_ground:  # its alpha would say nothing of the product
        doubt = judge(
            obtained.alpha,
            stated_box=stated_box_in_source(obtained.receipt),
            computed_box=obtained.receipt.box_computed,
            cropped=item.options.crop,
        )
        if doubt is not None:
            return doubt
    return _doubt_about_outputs(job, obtained.receipt)


def _doubt_about_outputs(job: Job, receipt: Receipt) -> Doubt | None:
    """What is asked for and was not bought with this cutout is no reason to buy it again."""
    there = {picture.name for picture in _wanted(job, receipt)}
    missing = [f"`{output.name}`" for output in job.options.outputs if output.name not in there]
    if not missing:
        return None
    return Doubt(
        "output_missing",
        f"{', '.join(missing)} of `outputs` did not come with this purchase; `recut: all` at a "
        "provider that makes it buys the picture anew.",
    )


def _wants_more_pixels(job: Job, receipt: Receipt) -> bool:
    """Nothing is enlarged in silence; a source that is small itself is no one's fault."""
    wanted = max(variant.longest_side or 0 for variant in job.options.variants)
    source = max(receipt.source_width, receipt.source_height)
    return max(receipt.result_width, receipt.result_height) < min(wanted, source)
