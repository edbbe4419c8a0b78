"""`docs/faults.md` is true about picture hosts: every row is a night that was lived through."""

from collections.abc import Iterator

import pytest

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


def test_a_slow_host_holds_up_nobody_else(shop: Shop, host: Host) -> None:
    """Its pictures wait for its own places; those of another host are cut meanwhile."""
    stocked(shop)
    host.pages["/a.png"] = HOST["silence"]
    for number in range(6):
        shop.draw(f"{number}.png", colour=number)
    slow = [
        shop.row(f"slow-{n}", "") | {"image_url": host.url(f"/a.png?{n}", "localhost")}
        for n in range(12)
    ]
    quick = [shop.row(f"quick-{n}", f"{n}.png") for n in range(6)]
    shop.list(*slow, *quick)
    night = shop.night(
        allow_hosts=["127.0.0.1", "localhost"],
        limits={"workers": 20, "item_seconds": 10, "fetches_per_host": 2, "fetches_at_once": 6},
    )
    report = night.report.set_index("sku")
    assert night.summary.outcomes == {"cut": 6, "failed": 2, "deferred": 10}
    assert report.loc[[f"quick-{n}" for n in range(6)], "total_seconds"].max() < 5
