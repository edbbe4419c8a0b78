"""A whole night on object storage: manifest, pictures and memory lie behind s3://."""

from pathlib import Path
from typing import Any

import boto3
import pytest

from packshot.facts.errors import BadManifest
from packshot.facts.job import Job, Storage
from packshot.run import session
from packshot.run.looking import stage
from packshot.world.masters import Masters
from packshot.world.store import open_store
from tests.run.nights import KEY, Shop, whole_night
from tests.run.processes import night, wait_for

ITEMS = 6


@pytest.fixture
def job(shop: Shop, bucket_url: str) -> Job:
    """A job whose every place is in a bucket."""
    for number in range(ITEMS):
        shop.draw(f"{number}.png", colour=number)
    shop.list(*(shop.row(f"{number}", f"{number}.png") for number in range(ITEMS)))
    bucket(bucket_url).upload_file(str(shop.manifest), "in/shop.csv")
    places = {
        "manifest": f"{bucket_url}/in/shop.csv",
        "destination": f"{bucket_url}/out/shop",
        "state": f"{bucket_url}/private",
    }
    return shop.job(variants=[{"name": "cutout"}, {"name": "web", "format": "webp"}]).model_copy(
        update=places
    )


def bucket(bucket_url: str) -> Any:  # noqa: ANN401  boto3 has no types
    """The bucket, seen by somebody else's client."""
    return boto3.resource("s3").Bucket(bucket_url.removeprefix("s3://"))


def test_a_night_and_another_one(shop: Shop, job: Job, bucket_url: str) -> None:
    """The first night cuts everything; on the second nothing is called, fetched or written anew."""
    assert whole_night(job).outcomes == {"cut": ITEMS}
    pictures = {thing.key: thing.last_modified for thing in published(bucket_url)}
    seen = shop.market.state.posts, shop.market.state.cdn_gets.total()
    assert whole_night(job).outcomes == {"unchanged": ITEMS}
    assert (shop.market.state.posts, shop.market.state.cdn_gets.total()) == seen
    assert {thing.key: thing.last_modified for thing in published(bucket_url)} == pictures


def test_credentials_that_came_late_are_found(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest that could not be read is read once its credentials are there, in one process."""
    with monkeypatch.context() as without:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            without.delenv(name)
        with pytest.raises(BadManifest, match="no credentials were found"):
            stage(job, tmp_path)
    assert stage(job, tmp_path).rows == ITEMS


def published(bucket_url: str) -> list[Any]:
    """The finished pictures; the probe is none."""
    found = bucket(bucket_url).objects.filter(Prefix="out/shop/")
    return [thing for thing in found if not thing.key.endswith(".packshot-probe")]


def test_pictures_say_what_they_are_and_how_long_they_keep(job: Job, bucket_url: str) -> None:
    """Browsers and CDNs get a type and a lifetime; what is private gets no lifetime."""
    whole_night(job)
    keep = Storage().cache_control
    headers = [thing.Object() for thing in published(bucket_url)]
    assert sorted({(thing.content_type, thing.cache_control) for thing in headers}) == [
        ("image/png", keep),
        ("image/webp", keep),
    ]
    assert len(headers) == 2 * ITEMS
    private = {
        (thing.key.rpartition(".")[2], thing.Object().content_type, thing.Object().cache_control)
        for thing in bucket(bucket_url).objects.filter(Prefix="private/")
    }
    assert private == {
        ("csv", "text/csv; charset=utf-8", None),
        ("html", "text/html; charset=utf-8", None),
        ("json", "application/json", None),
        ("jsonl", "application/x-ndjson", None),
        ("parquet", "application/vnd.apache.parquet", None),
        ("zip", "application/zip", None),
    }


def test_another_process_finds_the_purchases(
    shop: Shop, job: Job, bucket_url: str, tmp_path: Path
) -> None:
    """A store that was open before sees what another process bought since, and pays nothing."""
    masters = Masters(open_store(job.state_url, job.options.storage))
    other = job.options.model_copy(update={"catalog": "outlet"})
    ours = job.model_copy(update={"destination": f"{bucket_url}/out/outlet", "options": other})
    opened, _ = session.begin(ours, KEY)
    try:
        with night(job, KEY, tmp_path / "scratch") as process:
            wait_for(process, "published")
        session.read_manifest(opened)
        session.detect_changes(opened)
        session.check_credits(opened)
        session.run_in_threads(opened)
        summary = session.publish_report(opened)
    finally:
        opened.close()
    assert summary.outcomes == {"reused": ITEMS}
    assert shop.market.state.posts == ITEMS
    names = [thing.key for thing in bucket(bucket_url).objects.filter(Prefix="private/masters/")]
    assert all(masters.receipts(name.split("/")[3]) for name in names)
