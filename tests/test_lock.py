"""The lock installs on a machine that has nothing yet, also once newer releases are out."""

import re
from pathlib import Path

LOCK = (Path(__file__).parents[1] / "requirements.lock").read_text()
PINNED = re.compile(
    r"^([\w.-]+)(\[[^\]]*\])?==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


def test_every_line_is_pinned_and_hashed_and_names_no_index() -> None:
    """Whatever is no comment belongs to a version with its hashes."""
    left = [line for line in PINNED.sub("", LOCK).splitlines() if line.split("#")[0].strip()]
    assert not left
    assert "://" not in LOCK


def test_what_is_locked_with_extras_is_locked_without_them() -> None:
    """Another package may ask for the plain name, and pip 23 would look at its newest release."""
    found = PINNED.findall(LOCK)
    plain, extras = (
        {(name, version, hashes) for name, extra, version, hashes in found if bool(extra) is wanted}
        for wanted in (False, True)
    )
    assert extras
    assert extras <= plain
