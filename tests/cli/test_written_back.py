"""What is said after the way back."""

import pytest

from cli.shown import show_written_back
from packshot.run.writing_back import WrittenBack


def test_what_was_spared_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody finds out by comparing files."""
    sentence = "`Command` says MERGE instead of REPLACE, so that an import deletes nothing"
    show_written_back(WrittenBack(files=[], written=2, kept={}, spared={sentence: 3}))
    assert f"3 times {sentence}" in " ".join(capsys.readouterr().out.split())
