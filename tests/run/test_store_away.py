"""The state goes away while calls are open: what was paid for waits on this machine."""

import errno
import os
import threading
import time
from pathlib import Path

import pytest

from packshot.facts.errors import StoreUnavailable
from packshot.run import session
from packshot.run.past_runs import publish_open_runs
from packshot.world import spool as spool_module
from packshot.world.spool import Spool
from tests.run.nights import KEY, Shop


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """Four pictures, worked on two at a time."""
    names = [f"{number}.png" for number in range(4)]
    for number, name in enumerate(names):
        shop.draw(name, colour=number)
    shop.list(*(shop.row(str(number), name) for number, name in enumerate(names)))
    shop.settings = {
        "limits": {"workers": 2, "calls_at_once": 2},
        "spool": str(shop.folder / "spool"),
    }
    return shop


def broken_in_mid_call(stocked: Shop) -> Path:
    """A run whose masters can neither be listed nor written once its first calls are out."""
    market, masters = stocked.market, stocked.state / "masters"
    aside = masters.with_name("aside")
    market.state.change({"latency_seconds": 1.0})
    shop, _ = session.begin(stocked.job(), KEY)
    try:
        for stage in (session.read_manifest, session.detect_changes, session.check_credits):
            stage(shop)
        work = threading.Thread(target=session.run_in_threads, args=[shop])
        work.start()
        while market.state.open_calls < 2:
            time.sleep(0.01)
        if masters.exists():
            masters.rename(aside)
        masters.symlink_to(masters)  # a loop: nothing below it can be reached
        work.join()
        shop.journal.flush()
    finally:
        shop.close()
        market.state.change({"latency_seconds": 0.0})
        masters.unlink()
        if aside.exists():
            aside.rename(masters)
    return stocked.folder / "spool"


def test_a_state_that_cannot_be_read_either(stocked: Shop) -> None:
    """Both answers that came in are put aside, and nothing more is bought."""
    spool = broken_in_mid_call(stocked)
    assert stocked.market.state.posts == 2
    assert len(list(spool.glob("*/*.zip"))) == 2
    night = stocked.night()
    assert night.seen.posts == 2
    assert night.summary.outcomes == {"recovered": 2, "cut": 2}
    assert set(stocked.market.state.identities.values()) == {1}


def test_a_spool_without_room_loses_no_answer(
    stocked: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the state nor the spool takes the master: the copy of the answer stays."""

    def no_room(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    probe = Spool.probe

    def probe_and_fill_up(spool: Spool) -> None:
        probe(spool)
        monkeypatch.setattr(spool_module, "force_to_disk", no_room)

    monkeypatch.setattr(Spool, "probe", probe_and_fill_up)
    spool = broken_in_mid_call(stocked)
    assert stocked.market.state.posts == 2
    assert len(list(spool.glob("*/*.answer"))) == 2


def test_a_spool_that_takes_nothing_is_found_before_anything_is_bought(stocked: Shop) -> None:
    """A paid run does not begin; a free one has nothing to lose."""
    (stocked.folder / "spool").write_text("a file is in the way")
    with pytest.raises(StoreUnavailable, match="name another folder"):
        stocked.night()
    assert stocked.market.state.posts == 0
    assert stocked.night(provider="local").summary.outcomes == {"cut": 4}


def test_a_report_of_such_a_run_knows_what_was_bought(stocked: Shop) -> None:
    """What waits is delivered before the calls are accounted for."""
    spool = broken_in_mid_call(stocked)
    (summary,) = publish_open_runs(stocked.job())
    assert (summary.money.charged, summary.money.uncertain) == (2, 0)
    assert not list(spool.glob("*/*.zip"))
