"""`docs/faults.md` is true about picture hosts: every row is a night that was lived through."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from packshot.world.fetch import SILENT_ROUNDS
from tests.run.faults import ADDRESSES, HOST, rows, stocked, told
from tests.run.nights import Shop
from tests.world.played_shop import Shop as Host
from tests.world.played_shop import open_shop


@pytest.fixture
def host() -> Iterator[Host]:
    """A picture host that does as it is told."""
    with open_shop() as host:
        yield host


@pytest.mark.parametrize("line", rows("The picture host"), ids=lambda line: line[0])
def test_what_a_picture_host_that_misbehaves_costs(
    line: tuple[str, ...], shop: Shop, host: Host
) -> None:
    """One night; the host's own count of requests is the one that counts."""
    stocked(shop)
    url = ADDRESSES.get(line[0], host.url()).format(port=host.server_port)
    host.pages["/a.png"] = HOST.get(line[0], HOST["404"])
    shop.list(shop.row("mug", "") | {"image_url": url})
    outcome, reason, calls, charged, _ = told(shop.night())
    assert (line[0], outcome, reason, str(len(host.visits)), calls, charged) == line


def test_every_fault_has_its_row() -> None:
    """Whatever can be staged here is told, once."""
    assert [line[0] for line in rows("The picture host")] == [*HOST, *ADDRESSES]


def test_other_etags_for_the_same_bytes_cost_nothing(shop: Shop, host: Host) -> None:
    """A host that makes up a new ETag each time is asked again, and nothing is bought."""
    stocked(shop)
    host.pages["/a.png"] = HOST["another ETag each time"]
    shop.list(shop.row("mug", "") | {"image_url": host.url()})
    shop.night()
    shop.later(days=8)
    night = shop.night()
    assert night.summary.outcomes == {"unchanged": 1}
    assert (len(host.visits), night.seen.posts) == (2, 0)


@pytest.mark.slow
def test_a_silent_host_holds_up_nobody_else(shop: Shop, host: Host) -> None:
    """More pictures than workers, every second one of a host that never answers."""
    pairs = 24
    host.pages["/a.png"] = HOST["silence"]
    rows = []
    for number in range(pairs):
        shop.draw(f"{number}.png", colour=number)
        url = host.url(f"/a.png?{number}", "localhost")
        rows += [
            shop.row(f"silent-{number}", "") | {"image_url": url},
            shop.row(f"quick-{number}", f"{number}.png"),
        ]
    shop.list(*rows)
    night = ThreadPoolExecutor(1).submit(
        shop.night,
        allow_hosts=["127.0.0.1", "localhost"],
        limits={"workers": 8, "item_seconds": 10, "fetches_per_host": 1},
    )
    while shop.market.state.posts < pairs and len(host.visits) < SILENT_ROUNDS:
        time.sleep(0.05)
    assert shop.market.state.posts == pairs
    report = night.result().report
    silent = report[report["sku"].str.startswith("silent")]
    assert len(host.visits) == SILENT_ROUNDS
    assert set(silent["outcome"]) == {"failed", "deferred"}
    left_alone = silent[silent["reason_code"] == "host_silent"]
    assert len(left_alone) > pairs / 2
    assert left_alone["reason"].iloc[0].startswith("localhost did not answer in time 3 times")
