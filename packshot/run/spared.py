"""Cells by which an import would delete something: they come back saying something harmless."""

from collections import Counter

from packshot.exports.described import columns_of
from packshot.world.export_heading import JUNK, Heading
from packshot.world.raw_records import RawRecord


class Spared:
    """What is spared in one file; `told` counts the cells by what is said of them."""

    def __init__(self, heading: Heading, told: Counter[str]) -> None:
        self._header = heading.header
        self._told = told
        self._places = [
            (at, rule)
            for rule in heading.export.way_back.harmless
            for at in columns_of(rule.column, heading.names)[:1]
        ]

    def cells(self, record: RawRecord) -> dict[int, str]:
        """What is written in a record instead of what would delete."""
        found: dict[int, str] = {}
        for at, rule in self._places:
            said = record.cells[at].strip(JUNK) if at < len(record.cells) else ""
            if said.lower() not in rule.values:
                continue
            if record.spans is None:
                self._told[
                    f"`{self._header[at]}` still says {said}, which would delete, for the row "
                    "cannot be written again safely; change it before an import"
                ] += 1
                continue
            found[at] = rule.instead
            self._told[
                f"`{self._header[at]}` says {rule.instead} instead of {said}, so that an import "
                "deletes nothing"
            ] += 1
        return found
