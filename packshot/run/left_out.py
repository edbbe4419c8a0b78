"""Pictures that `--where` and `--pictures` left out: no run has seen them, the way back tells."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from packshot.facts.item import NOT_CHOSEN, item_key
from packshot.facts.job import Job
from packshot.run.import_rules import Known
from packshot.world.export_heading import Heading
from packshot.world.export_pictures import RecordReader

SKIPPED: Final = "skipped"
Found = Sequence[Mapping[str, Any]]
"""What was staged of one record."""


class LeftOut:
    """Tells what of each record was left out."""

    def __init__(self, job: Job, folder: str, heading: Heading | None = None) -> None:
        choice = job.options.export
        self._chosen = bool(choice.where or choice.numbers)
        self._folder = folder
        self._reader = None
        if heading is not None and self._chosen:
            self._reader = RecordReader(heading.export, heading.names, choice.base_url or "")

    def of_record(self, cells: Sequence[str], found: Found) -> list[Known]:
        """The pictures of a record that are not among those found; every record is asked for."""
        if self._reader is None:
            return []
        pictures = self._reader.pictures(cells)
        staged = _addresses(found)
        return [
            _left_out(
                item_key(one.key, one.url, one.position, None) if one.key else None,
                one.position,
                self._whole(one.url),
            )
            for one in pictures
            if one.url not in staged and self._whole(one.url) not in staged
        ]

    def of_item(self, addresses: Iterable[str], found: Found) -> list[Known]:
        """Those addresses of an item in XML that are not among those found."""
        staged = _addresses(found)
        return [
            _left_out(None, None, one) for one in addresses if self._chosen and one not in staged
        ]

    def _whole(self, url: str) -> str:
        return url if "://" in url else posixpath.normpath(posixpath.join(self._folder, url))


def _addresses(found: Found) -> set[str]:
    return {each[name] for each in found for name in ("url", "as_written") if each[name]}


def _left_out(key: str | None, position: int | None, url: str) -> Known:
    return Known(key, position, url, None, "", SKIPPED, NOT_CHOSEN.reason)
