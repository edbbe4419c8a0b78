"""Scratch space of the dead is swept up; that of the living and of other machines is not."""

import os
import tempfile
from pathlib import Path
from subprocess import run
from sys import executable

import pytest

from packshot.world.scratch import new_scratch, sweep_scratch

A_DEAD_ONE = "from packshot.world.scratch import new_scratch; print(new_scratch())"


def test_a_sweep_takes_what_the_dead_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else that lies beside it is touched."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = os.environ | {"TMPDIR": str(tmp_path)}
    said = run([executable, "-c", A_DEAD_ONE], env=told, capture_output=True, check=True)
    dead, mine = Path(said.stdout.decode().strip()), new_scratch()
    (dead / "plan.parquet").write_bytes(b"private")
    elsewhere = tmp_path / "packshot-0123456789ab-1-x"
    other = tmp_path / "packshot-notes-for-me"
    for folder in (elsewhere, other):
        folder.mkdir()
    sweep_scratch()
    assert sorted(tmp_path.iterdir()) == sorted([mine, elsewhere, other])
