"""A batch that a defect of ours ends is run again by Prefect, and buys nothing twice."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.served import ROOT, Prefect
from tests.run.nights import KEY, Market, Shop

pytestmark = pytest.mark.slow

PICTURES = 60
BREAKING = """
import json, sys
from packshot.run import session
from tasks import stages
stages.cut_out.retry_delay_seconds = 1
from flows.cut_catalog import cut_catalog
cut, defects = session.cut_one, int(sys.argv[2])
def breaking(shop, item):
    global defects
    if item.number == 1 and defects:  # the second picture of the first batch
        defects -= 1
        raise RuntimeError("a defect between two pictures")
    return cut(shop, item)
session.cut_one = breaking
state = cut_catalog(**json.loads(sys.argv[1]), return_state=True)
print(json.dumps([state.name, defects]))
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """So many pictures that some batches hold two."""
    (tmp_path / "cdn").mkdir()
    with Market(tmp_path / "cdn") as market:
        shop = Shop(market, tmp_path, name="retried")
        for number in range(PICTURES):
            shop.draw(f"{number:02d}.png", colour=number)
        rows = (shop.row(f"{number:02d}", f"{number:02d}.png") for number in range(PICTURES))
        shop.list(*rows)
        yield shop


@pytest.mark.parametrize(("defects", "cut", "unmet"), [(1, 60, 0), (9, 59, 6)])
def test_a_batch_is_tried_three_times(
    server: Prefect, shop: Shop, defects: int, cut: int, unmet: int
) -> None:
    """What it had done stays done; what it cannot do is left for the next run, and said."""
    job = json.dumps(shop.job().model_dump(mode="json"))
    done = subprocess.run(
        [sys.executable, "-c", BREAKING, job, str(defects)],
        cwd=ROOT,
        env=server.environment | {"REMOVEBG_API_KEY": KEY, "HOME": str(shop.folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert shop.market.state.charged_calls == cut
    assert max(shop.market.state.identities.values()) == 1
    assert json.loads(done.stdout) == ["Completed", unmet]
    (file,) = shop.state.glob("*/runs/*/summary.json")
    left = {"deferred": PICTURES - cut} if cut < PICTURES else {}
    assert json.loads(file.read_text())["outcomes"] == {"cut": cut} | left
    assert ("1 of 30 batches failed" in done.stderr) == bool(left)
