"""Secrets stay secret: what is planted is looked for in everything that a run writes or says."""

import csv
import json
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from packshot.facts.errors import CannotStart, PackshotError
from packshot.facts.job import Job
from packshot.run import past_runs, session
from packshot.run.workshop import NOWHERE, Here
from packshot.sandbox.product_cdn import PREFIX
from tests.run.nights import Shop, photo

KEY = "planted-api-key-73x"
SIGNATURE = "planted5ignature81f"
PASSWORD = "planted-passw0rd-27c"
PLANTED = (KEY, SIGNATURE, PASSWORD)
PRIVATE = frozenset({"plan.parquet", "failed.csv"})
"""The private inputs: they hold whole URLs because these must be fetched."""
PLAYED = "python_multipart", "uvicorn", "asyncio", "werkzeug", "flask_cors", "moto"
"""Loggers of what plays the other side in this process: the sandbox and the S3 endpoint."""


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger at its most talkative."""
    named = [logging.getLogger(name) for name in logging.root.manager.loggerDict if "." not in name]
    before = [(logger, logger.level) for logger in (logging.root, *named)]
    for logger, _ in before:
        logger.setLevel(logging.DEBUG)
    yield caplog
    for logger, level in before:
        logger.setLevel(level)


@pytest.fixture
def tempting(shop: Shop) -> Shop:
    """A shop whose manifest is full of secrets, and where things go wrong."""
    shop.market.pass_for_real()
    for number in range(4):
        shop.draw(f"{number}.png", colour=number)
    shop.put("broken.png", b"<html>")
    shop.put("large.png", photo(9, (640, 480)))
    rows = [
        shop.row("signed", "0.png", image_url=signed(shop.url("0.png"))),
        shop.row("login", "1.png", image_url=with_login(shop.url("1.png"))),
        shop.row("both", "2.png", image_url=with_login(signed(shop.url("2.png")))),
        shop.row("no-position", "3.png", image_url=signed(shop.url("3.png")), position=""),
        shop.row("missing", "", image_url=with_login(signed(shop.url("none.png")))),
        shop.row("forbidden", "", image_url=signed(f"{shop.market.url}{PREFIX}_status/403")),
        shop.row("broken", "", image_url=with_login(signed(shop.url("broken.png")))),
        shop.row("nowhere", "", image_url=f"http://x:{PASSWORD}@[::1/a.png?Sig={SIGNATURE}"),
        shop.row("odd", "", image_url=f"http://x:{PASSWORD}/y@127.0.0.1/a.png?Sig={SIGNATURE}"),
        shop.row("ftp", "", image_url=f"ftp://x:{PASSWORD}@127.0.0.1/a.png"),
        shop.row("space", "", image_url=f"http://x:{PASSWORD}@127.0.0.1/a b?Sig={SIGNATURE}"),
        shop.row("local", "", image_url=f"x:{PASSWORD}@host/a.png"),
        shop.row("two", "0.png", image_id="same", image_url=signed(shop.url("0.png"))),
        shop.row("three", "1.png", image_id="same", image_url=with_login(shop.url("1.png"))),
    ]
    columns = ("sku", "image_url", "position", "image_id")
    with shop.manifest.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return shop


def signed(url: str) -> str:
    """A URL that whoever reads it may fetch."""
    return f"{url}?X-Amz-Credential=me&X-Amz-Signature={SIGNATURE}"


def with_login(url: str) -> str:
    """A URL with a name and a password in it."""
    return url.replace("://", f"://buyer:{PASSWORD}@")


def written(root: Path) -> Iterator[tuple[Path, str]]:
    """All files below a folder as text: Parquet decoded, names included."""
    for file in root.rglob("*"):
        if not file.is_file():
            continue
        content = file.read_bytes().decode("latin-1")
        if file.suffix == ".parquet":
            content += json.dumps(pq.read_table(file).to_pylist(), default=str)
            content += str(pq.read_schema(file).metadata)
        yield file, f"{file.relative_to(root)}\n{content}"


def leaks(text: str) -> list[str]:
    """What of the planted is in there."""
    return [secret for secret in PLANTED if secret in text]


def assert_nothing_written(root: Path) -> None:
    """Only the private inputs hold secrets."""
    found = {
        (str(file.relative_to(root)), *leaks(text))
        for file, text in written(root)
        if leaks(text) and file.name not in PRIVATE
    }
    assert not found


def assert_nothing_said(said: pytest.LogCaptureFixture) -> None:
    """No line that was logged holds a secret, whatever its level; nor do its values."""
    found = {
        (record.name, record.levelname, record.getMessage())
        for record in said.records
        if record.name.partition(".")[0] not in PLAYED
        and leaks(f"{record.getMessage()} {vars(record)} {exception_of(record)}")
    }
    assert not found


def exception_of(record: logging.LogRecord) -> str:
    """The traceback that goes with a line, if one does."""
    return "" if not record.exc_info else "".join(traceback.format_exception(record.exc_info[1]))


def run(job: Job, key: str = KEY, here: Here = NOWHERE) -> str:
    """A run; answers all that is told of it, errors and their causes included."""
    try:
        shop, earlier = session.begin(job, key, here=here)
    except PackshotError as error:
        return told(error)
    try:
        staged = session.read_manifest(shop)
        plan = session.detect_changes(shop)
        verdict = session.check_credits(shop)
        session.run_in_threads(shop)
        summary = session.publish_report(shop)
    except PackshotError as error:
        return told(error)
    else:
        understood = staged.understanding.sentences()
        shown = (earlier, understood, plan, verdict, shop.provider, shop.account, summary)
        return "\n".join(f"{thing!r}\n{thing}" for thing in shown)
    finally:
        shop.close()


def told(error: BaseException) -> str:
    """An error as people, logs and debuggers see it."""
    lines = "".join(traceback.format_exception(error))
    chain: list[str] = []
    link: BaseException | None = error
    while link is not None:
        chain += [str(link), repr(link), repr(vars(link))]
        link = link.__cause__ or link.__context__
    return lines + "\n".join(chain)


def test_nothing_planted_leaves_the_private_inputs(
    tempting: Shop, said: pytest.LogCaptureFixture
) -> None:
    """A whole night, with failures of every kind, and the next one."""
    with tempting.manifest.open("a") as file:  # fetched again and again
        print(f"closed,http://x:{PASSWORD}@127.0.0.1:1/a.png?Sig={SIGNATURE},,", file=file)
        print(f"ill,{with_login(tempting.market.url)}{PREFIX}_status/500,,", file=file)
    for kind in ("reset_after_read", "error_code:unknown_foreground", "status_400_without_code"):
        tempting.fail_next(kind)
    for _ in range(2):
        assert not leaks(run(tempting.job(sidecar=True, max_gone_share=1.0)))
    assert_nothing_said(said)
    assert_nothing_written(tempting.folder / "out")
    assert_nothing_written(tempting.state)
    held = {file.name for file, text in written(tempting.state) if leaks(text)}
    assert held == PRIVATE, "the private inputs hold what must be fetched, else this test is blind"


def test_a_report_that_cannot_be_made_quotes_no_row(tempting: Shop) -> None:
    """A damaged file of the run is named by its run, and by no word that is in it."""
    shop, _ = session.begin(tempting.job(), KEY)
    try:
        session.read_manifest(shop)
        session.detect_changes(shop)
        session.check_credits(shop)
        session.run_in_threads(shop)
        shop.journal.flush()
        (part, *_) = (tempting.state / shop.run_folder / "parts").iterdir()
        damaged = {"kind": "ending", "key": "a", "ended_at": signed("https://cdn.example/a")}
        part.write_text(part.read_text() + "\n" + json.dumps(damaged))
        with pytest.raises(PackshotError, match=r"the report of run .* cannot be") as failure:
            session.publish_report(shop)
    finally:
        shop.close()
    assert failure.value.code == "report_failed"
    assert not leaks(told(failure.value))


def test_a_dead_run_and_its_report_keep_secrets_too(
    tempting: Shop, said: pytest.LogCaptureFixture
) -> None:
    """What is published on behalf of a run that died is as discreet."""
    shop, _ = session.begin(tempting.job(), KEY)
    session.read_manifest(shop)
    session.detect_changes(shop)
    session.check_credits(shop)
    session.run_in_threads(shop)
    shop.close()
    (dead,) = past_runs.publish_open_runs(tempting.job())
    assert not leaks(f"{dead!r}")
    assert_nothing_said(said)
    assert_nothing_written(tempting.state)


def test_a_catalog_s_own_columns_are_carried_without_signatures(tempting: Shop) -> None:
    """A carried cell keeps its words; addresses in it lose query and login."""
    manifest = tempting.manifest.read_text().splitlines()
    url = with_login(signed(tempting.url("3.png")))
    head, rows = manifest[0], manifest[1:4]
    notes = [f'"see {url}, or {url}"', url, "=1+1 @home"]
    lines = [f"{line},{note}" for line, note in zip(rows, notes, strict=True)]
    tempting.manifest.write_text("\n".join([f"{head},note", *lines]))
    assert not leaks(run(tempting.job()))
    assert_nothing_written(tempting.state)
    (report,) = tempting.state.rglob("report.parquet")
    bare = tempting.url("3.png")
    carried = pq.read_table(report)["carried_note"].to_pylist()
    assert carried == [f"see {bare} or {bare}", bare, "=1+1 @home"]


@pytest.mark.parametrize(
    "manifest",
    [
        f"http://buyer:{PASSWORD}@127.0.0.1:1/shop.csv?X-Amz-Signature={SIGNATURE}",
        f"s3://no-such-bucket-{SIGNATURE[:0]}x/shop.csv?X-Amz-Signature={SIGNATURE}",
        f"nosuch://buyer:{PASSWORD}@host/shop.csv?X-Amz-Signature={SIGNATURE}",
        f"/none/shop.csv?X-Amz-Signature={SIGNATURE}",
    ],
)
def test_a_manifest_s_own_address_is_not_quoted(
    shop: Shop, said: pytest.LogCaptureFixture, manifest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest that cannot be read is named without query and login."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    job = shop.job().model_copy(update={"manifest": manifest})
    assert not leaks(run(job))
    assert_nothing_said(said)
    assert_nothing_written(shop.folder)


def test_a_signed_manifest_is_not_written_down(
    tempting: Shop, said: pytest.LogCaptureFixture
) -> None:
    """The run remembers which manifest it read, without the signature that opened it."""
    rows = tempting.manifest.read_text().splitlines()
    tempting.put(
        "shop.csv", "\n".join(row for row in rows if "://" in row or "sku" in row).encode()
    )
    address = with_login(signed(tempting.url("shop.csv")))
    job = tempting.job().model_copy(update={"manifest": address})
    assert not leaks(run(job))
    assert_nothing_said(said)
    assert_nothing_written(tempting.state)
    last = past_runs.read_job(job)
    assert last.fields["manifest"] == tempting.url("shop.csv")
    assert not last.manifest_is_whole


def test_a_manifest_from_a_secret_block_is_known_by_the_name_of_the_block(
    tempting: Shop, said: pytest.LogCaptureFixture
) -> None:
    """Not even where it lies is written down, and a retry finds it again."""
    rows = tempting.manifest.read_text().splitlines()
    table = "\n".join(row for row in rows if "://" in row or "sku" in row)
    tempting.put(f"{SIGNATURE}.csv", table.encode())
    here = Here(manifest=tempting.url(f"{SIGNATURE}.csv"))
    job = tempting.job().model_copy(update={"manifest": "secret:shop-manifest"})
    assert not leaks(run(job, here=here))
    assert_nothing_said(said)
    assert_nothing_written(tempting.state)
    last = past_runs.read_job(job)
    assert (last.fields["manifest"], last.manifest_is_whole) == ("secret:shop-manifest", True)
    tempting.take_down(f"{SIGNATURE}.csv")
    refused = run(job, here=here)
    assert "There is nothing at `secret:shop-manifest`; check the path." in refused
    assert not leaks(refused)


@pytest.mark.parametrize("key", [KEY, f" {KEY} odd", f"{KEY}\n", f"{KEY}é"])
def test_a_refused_key_is_not_quoted(
    tempting: Shop, said: pytest.LogCaptureFixture, key: str
) -> None:
    """A key that is wrong or broken stays unsaid."""
    state, kept = tempting.market.state, tempting.market.state.settings
    state.change({"api_key": "another"})
    try:
        assert not leaks(run(tempting.job(), key))
    finally:
        state.change({"api_key": kept.api_key})
    assert_nothing_said(said)
    assert_nothing_written(tempting.folder / "state")


@pytest.mark.parametrize(
    "places",
    [
        {"provider_url": f"http://buyer:{PASSWORD}@127.0.0.1/v1.0"},
        {"destination": f"http://buyer:{PASSWORD}@127.0.0.1/out"},
        {"destination": f"nosuch://buyer:{PASSWORD}@127.0.0.1/out"},
        {"state": f"http://buyer:{PASSWORD}@127.0.0.1/state"},
    ],
)
def test_a_login_in_a_place_is_not_quoted(shop: Shop, places: dict[str, Any]) -> None:
    """Places are named without their logins when they are refused."""
    shop.list()
    job = shop.job(**{name: value for name, value in places.items() if name == "provider_url"})
    fields = {name: value for name, value in places.items() if name != "provider_url"}
    with pytest.raises(CannotStart) as caught:
        session.begin(job.model_copy(update=fields), KEY)
    assert not leaks(told(caught.value))
