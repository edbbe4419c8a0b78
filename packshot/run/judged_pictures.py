"""The manifest's pictures beside what the ledger knows, and what of it may be written back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import duckdb

from packshot.facts.item import LEFT_OUT, NOBODYS
from packshot.facts.job import Job
from packshot.run.import_rules import Known, in_ascii
from packshot.run.workshop import Place
from packshot.world.manifest_staging import Staged
from packshot.world.tables import literal

PATH: Final = "{path}"


def look_up(database: duckdb.DuckDBPyConnection, job: Job, staged: Staged, scratch: Path) -> None:
    """The manifest's pictures beside what the ledger knows of them, as the view `known`."""
    place = Place.of(job)
    place.ledger.attach(database, place.ledger.head(), scratch)
    left_out = tuple(LEFT_OUT.keys() - {NOBODYS.code})
    database.execute(
        "CREATE VIEW known AS SELECT s.file, s.row, s.file_row_number AS place, "
        "s.key, s.position, s.url, "
        "coalesce(s.reject_code, '') AS reject_code, s.reject_reason, "
        "s.written.shown_url AS shown, s.written.image_url AS as_written, "
        "l.status, l.review_code, l.review, l.reason, l.pictures "
        f"FROM read_parquet({literal(staged.path)}, file_row_number = true) s LEFT JOIN ledger l "
        # What stands at another address now has not been cut out yet.
        "ON l.key = s.key AND l.url_hash IS NOT DISTINCT FROM md5(s.url) "
        f"WHERE coalesce(s.reject_code, '') NOT IN {left_out}"
    )


class Judge:
    """Says of each picture what has become of it, and where the new one is."""

    def __init__(self, public_url: str, variant: str, *, unreviewed: bool) -> None:
        self._public_url = public_url
        self._variant = variant
        self._unreviewed = unreviewed

    def __call__(self, found: Mapping[str, Any]) -> Known:
        """What has become of one."""
        url = found["url"] or found["shown"] or ""
        new_url, path, reason = None, "", ""
        pictures = {each["variant"]: each["path"] for each in found["pictures"] or []}
        outcome = found["status"] or "never seen"
        if found["reject_code"]:
            outcome = "skipped" if found["reject_code"] in LEFT_OUT else "rejected"
            reason = found["reject_reason"]
        elif found["status"] is None:
            reason = "no run has seen this picture"
        elif found["status"] != "cut":
            reason = found["reason"] or found["status"]
        elif found["review_code"] and not self._unreviewed:
            outcome, reason = "needs review", found["review"]
        elif self._variant not in pictures:
            reason = f"it was not made as `{self._variant}`"
        else:
            path = pictures[self._variant]
            new_url = self._address(path)
        return Known(found["key"], found["position"], url, new_url, path, outcome, reason)

    def _address(self, path: str) -> str:
        """Percent-encoded, so that no separator of a list can stand in it."""
        template = self._public_url
        if PATH not in template:
            template = f"{template.rstrip('/')}/{PATH}"
        return in_ascii(template).replace(PATH, quote(path, safe="/"))
