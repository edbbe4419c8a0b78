"""Hand pictures that were cut badly to remove.bg, which asks for them to improve its model."""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from packshot.facts.errors import BadOption, PackshotError, StopRun, Throttled
from packshot.facts.job import Job
from packshot.facts.paid_options import content_hash
from packshot.providers.face import Source
from packshot.providers.removebg import RemoveBg
from packshot.run.workshop import make_provider
from packshot.world.pictures import inspect

MOST_A_DAY = 100
"""Files that remove.bg takes per account (its API reference, `/improve`)."""


class HandedOver(NamedTuple):
    """What became of one file."""

    file: str
    id: str | None
    """As remove.bg has filed it; None where it was not taken."""
    reason: str | None = None


def improve(job: Job, key: str | None, files: list[Path]) -> list[HandedOver]:
    """Send each file, once; where no other could be taken either, the rest is not sent.

    Raises `BadOption`, and `StopRun` where none was taken.
    """
    if len(files) > MOST_A_DAY:
        raise BadOption(
            f"remove.bg takes {MOST_A_DAY} files a day; give no more than that, not {len(files)}"
        )
    provider = make_provider(job, key)
    done: list[HandedOver] = []
    with closing(provider):
        if not isinstance(provider, RemoveBg):
            raise BadOption(f"`{job.provider}` takes no pictures back; only removebg does, use it")
        for number, file in enumerate(files):
            try:
                done.append(HandedOver(str(file), provider.improve(_source(job, file))))
            except (StopRun, Throttled) as error:
                if isinstance(error, StopRun) and not done:
                    raise
                done.extend(
                    HandedOver(str(rest), None, f"not taken: {error}") for rest in files[number:]
                )
                break
            except PackshotError as error:
                done.append(HandedOver(str(file), None, str(error)))
    return done


def _source(job: Job, file: Path) -> Source:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadOption(f"{file} cannot be read: {error.strerror}; check the path") from None
    facts = inspect(content, job.options.limits.source_megapixels * 1_000_000)
    return Source(content, content_hash(content), facts.format, facts.width, facts.height)
