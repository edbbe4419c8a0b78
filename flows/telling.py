"""What Prefect is told of a run: progress that moves, a summary with links, an event."""

import threading
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.events import emit_event

from flows.states import sentence
from packshot.facts.outcome import MEANING, Outcome
from packshot.run.summary import Summary
from packshot.run.workshop import Workshop

_ARTIFACT_KEY = "packshot-{catalog}"
LAST_WORD_SECONDS = 10.0
"""So long a run that is over waits for Prefect to hear of it."""


class Telling:
    """Tells Prefect how a run goes; a run neither fails nor waits because nobody listens.

    Prefect's client tries for a minute to reach a server that is away, so it is told in threads.
    """

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._progress: UUID | None = None
        self._shown = -1.0
        self._telling: threading.Thread | None = None

    def progress(self, done: int, batches: int) -> None:
        """Move the bar; told only when it has moved, and the last word has been heard."""
        share = len(self._shop.tally.ended) / max(self._shop.work_rows, 1) * 100
        share = max(share, done / max(batches, 1) * 100)
        if share - self._shown < 1 or (self._telling and self._telling.is_alive()):
            return
        self._shown = share
        self._telling = _told(lambda: self._show(share))

    def finished(self, summary: Summary) -> None:
        """Publish the summary as an artifact and the run as an event."""
        last = self._telling

        def tell() -> None:
            if last is not None:
                last.join()  # it may be making the bar
            self._finish(summary)

        telling = _told(tell)
        telling.join(LAST_WORD_SECONDS)
        if telling.is_alive():
            get_run_logger().warning("Prefect was not told of the report: it does not answer")

    def _show(self, share: float) -> None:
        if self._progress is None:
            self._progress = create_progress_artifact(  # type: ignore[assignment]
                progress=share, description=f"{self._shop.job.catalog}: pictures done"
            )
        else:
            update_progress_artifact(self._progress, progress=share)

    def _finish(self, summary: Summary) -> None:
        emit_event(
            event="packshot.run.finished",
            resource={
                "prefect.resource.id": f"packshot.catalog.{summary.catalog}",
                "prefect.resource.name": summary.catalog,
            },
            payload={
                "run_id": summary.run_id,
                "outcomes": summary.outcomes,
                "money": summary.money.model_dump(),
                "stop_code": summary.stop_code,
                "needs_review": summary.needs_review,
                "report": summary.report,
            },
        )
        if self._progress is not None:
            update_progress_artifact(self._progress, progress=100.0)
        create_markdown_artifact(
            markdown=markdown(summary),
            key=_ARTIFACT_KEY.format(catalog=_slug(summary.catalog)),
            description=sentence(summary),
        )


def _told(tell: Callable[[], None]) -> threading.Thread:
    """Begin to tell; the thread knows the run that it speaks of, and holds nothing up."""

    def speak() -> None:
        try:
            tell()
        except Exception as error:  # noqa: BLE001  the catalog is finished all the same
            get_run_logger().warning("Prefect was not told: %s", type(error).__name__)

    context = copy_context()
    thread = threading.Thread(target=context.run, args=(speak,), name="telling", daemon=True)
    thread.start()
    return thread


def markdown(summary: Summary) -> str:
    """The run on half a page; the truth about rows lies in the report."""
    lines = [
        f"# {summary.catalog}: {sentence(summary)}",
        "",
        f"Report: [{summary.report}]({_link(summary.report)})",
        "",
        "| outcome | items | meaning |",
        "|---|---:|---|",
        *(
            f"| {name} | {count:,} | {MEANING[Outcome(name)]} |"
            for name, count in summary.outcomes.items()
        ),
        "",
        _speed(summary),
    ]
    if summary.needs_review:
        lines.append(f"\n{summary.needs_review:,} pictures need review.")
    return "\n".join(lines)


def _speed(summary: Summary) -> str:
    share = summary.allowance_share
    used = "" if share is None else f"**{share:.0%} of the provider's allowance used.** "
    waited = ", ".join(f"{name} {seconds:,.0f} s" for name, seconds in summary.waited)
    return (
        f"{used}{summary.images_per_minute:g} pictures a minute in {summary.seconds:,.0f} s, "
        f"{summary.calls:,} calls, {summary.retries:,} retries, {summary.throttled:,} times 429."
        + (f" The workers together waited for: {waited}." if waited else "")
    )


def _link(address: str) -> str:
    """A local path as a link; object storage has one already."""
    return address if "://" in address else Path(address).absolute().as_uri()


def _slug(name: str) -> str:
    """Artifact keys hold lower-case letters, digits and dashes only."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.lower())
    return plain.strip("-") or "catalog"
