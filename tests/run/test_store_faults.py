"""`docs/faults.md` is true about stores: what was paid for is kept, and nothing more is bought."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from packshot.facts.errors import StoreUnavailable
from packshot.facts.job import Job
from tests.run.faults import rows
from tests.run.nights import KEY, Shop, whole_night
from tests.run.processes import NIGHT, ROOT, night
from tests.world.faulty_s3 import FaultyS3, Refusal, Rule, faulty_s3

PICTURES, WORKERS = 6, 2


def _after(whole: int, refusal: Refusal, *, part: str, times: int = 0) -> Rule:
    """Let so many writes of a kind through, then refuse: so many times, or for good."""
    seen = [0]

    def rule(method: str, path: str) -> Refusal | None:
        if method != "PUT" or part not in path:
            return None
        seen[0] += 1
        over = seen[0] - whole
        return refusal if over > 0 and (not times or over <= times) else None

    return rule


MASTERS = "/masters/"
DENIED = Refusal(403, "AccessDenied")
SLOW_DOWN = Refusal(503, "SlowDown")
STORE: dict[str, Callable[[], Rule]] = {
    "503 SlowDown three times": lambda: _after(1, SLOW_DOWN, part=MASTERS, times=3),
    "503 SlowDown to every purchase": lambda: _after(1, SLOW_DOWN, part=MASTERS),
    "500 to every purchase": lambda: _after(1, Refusal(500, "InternalError"), part=MASTERS),
    "access denied to every purchase": lambda: _after(1, DENIED, part=MASTERS),
    "access denied to everything": lambda: _when_bought(DENIED),
    "no bucket any more": lambda: _when_bought(Refusal(404, "NoSuchBucket")),
    "hanging up on everything": lambda: _when_bought(Refusal(0, "")),
    "silence to everything": lambda: _when_bought(Refusal(-1, "")),
    "access denied to every picture": lambda: _after(1, DENIED, part="/out/"),
}
"""What the store does, from the second purchase or picture on, by the words of the table."""


def _when_bought(refusal: Refusal) -> Rule:
    """Everything is refused from the moment on in which the second purchase is written."""
    masters = _after(1, refusal, part=MASTERS)
    gone = [False]

    def rule(method: str, path: str) -> Refusal | None:
        gone[0] = gone[0] or masters(method, path) is not None
        return refusal if gone[0] else None

    return rule


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """A shop with six pictures, two worked on at a time, and real money."""
    shop.market.pass_for_real()
    shop.settings = {
        "limits": {"workers": WORKERS, "calls_at_once": WORKERS},
        "spool": str(shop.folder / "spool"),
    }
    for number in range(PICTURES):
        shop.draw(f"{number}.png", colour=number, size=(640, 480))
    shop.list(*(shop.row(f"{number}", f"{number}.png") for number in range(PICTURES)))
    return shop


@pytest.fixture
def s3(bucket_url: str, s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """An endpoint that does as it is told, before the one that holds the bucket."""
    assert bucket_url
    with faulty_s3(s3_endpoint) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
        monkeypatch.setenv("FSSPEC_S3", '{"config_kwargs": {"read_timeout": 3}}')  # not 15
        S3FileSystem.clear_instance_cache()  # or clients of the endpoint before are used again
        yield server
    S3FileSystem.clear_instance_cache()


def lived(job: Job, scratch: Path) -> bool:
    """A night in a process of its own, which cannot give its lease back; whether it reported."""
    with night(job, KEY, scratch) as process:
        said, _ = process.communicate(timeout=120)
    return "published" in said


@pytest.mark.slow
@pytest.mark.parametrize("line", rows("The store"), ids=lambda line: line[0])
def test_what_a_store_that_misbehaves_costs(
    line: tuple[str, ...], stocked: Shop, s3: FaultyS3, bucket_url: str
) -> None:
    """The night itself, and the next one with a store that is back."""
    places = {"destination": f"{bucket_url}/out/shop", "state": f"{bucket_url}/private"}
    job = stocked.job().model_copy(update=places)
    state = stocked.market.state
    s3.rule = STORE[line[0]]()
    reported = lived(job, stocked.folder / "scratch")
    assert s3.refused
    sold = state.posts
    spooled = len(list((stocked.folder / "spool").glob("*/*.zip")))
    s3.rule = lambda _method, _path: None
    summary = whole_night(job)
    assert set(state.identities.values()) == {1}, "a picture was sold twice"
    assert sum(summary.outcomes.values()) == PICTURES
    assert not list((stocked.folder / "spool").glob("*/*.zip"))
    assert spooled <= WORKERS
    whole = set(summary.outcomes) <= {"cut", "recovered", "reused", "unchanged"}
    answers = ("yes" if said else "no" for said in (reported, sold == PICTURES, spooled > 0, whole))
    assert (line[0], *answers) == line


def test_every_fault_has_its_row() -> None:
    """Whatever can be staged here is told, once."""
    assert [line[0] for line in rows("The store")] == list(STORE)


# --- disks ----------------------------------------------------------------------------------

DISK = """\
set -e
mount -t tmpfs -o size={size} none {state}
{python} -c {night} "$JOB" "$KEY" && true
code=$?
cp -a {state}/. {kept}/
exit $code
"""


def _on_a_small_disk(shop: Shop, size: str) -> None:
    """A night whose state lies on a disk of its own, which is copied when the night is over."""
    kept = shop.folder / "kept"
    for folder in (shop.state, kept):
        folder.mkdir(parents=True, exist_ok=True)
    script = DISK.format(
        size=size, state=shop.state, kept=kept, python=sys.executable, night=f"'{NIGHT}'"
    )
    subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        cwd=ROOT,
        env={
            "JOB": shop.job().model_dump_json(),
            "KEY": KEY,
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        },
        capture_output=True,
        timeout=120,
        check=False,
    )
    shutil.rmtree(shop.state)
    kept.rename(shop.state)


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("unshare")
    or subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0,
    reason="this machine lets no user mount a disk of their own (unshare -rm)",
)
def test_a_disk_that_is_full(stocked: Shop) -> None:
    """What finds no room waits in the spool, nothing more is bought, and a larger disk helps."""
    stocked.market.state.change({"latency_seconds": 0.1})
    _on_a_small_disk(stocked, "72k")
    sold = stocked.market.state.posts
    spooled = list((stocked.folder / "spool").glob("*/*.zip"))
    assert 0 < len(spooled) <= WORKERS
    assert sold < PICTURES
    stocked.market.state.change({"latency_seconds": 0.0})
    second = stocked.night()
    assert second.seen.posts == PICTURES - sold
    assert set(second.summary.outcomes) <= {"cut", "recovered", "unchanged"}
    assert set(stocked.market.state.identities.values()) == {1}


def test_a_state_that_takes_no_writes_buys_nothing(stocked: Shop) -> None:
    """A folder that turns out to be read-only stops the run at its door."""
    stocked.state.parent.mkdir(parents=True, exist_ok=True)
    stocked.state.symlink_to("/proc/self")  # even root creates nothing there
    with pytest.raises(StoreUnavailable):
        stocked.night()
    assert stocked.market.state.posts == 0
