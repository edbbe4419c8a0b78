"""Prefect puts `flows/` first on the path, so its files must hide nothing."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_flow_file_hides_another_module() -> None:
    """Neither one of Python's own nor a package of this project."""
    stems = {file.stem for file in (ROOT / "flows").glob("*.py")}
    ours = {folder.name for folder in ROOT.iterdir() if folder.is_dir()}
    assert not stems & (sys.stdlib_module_names | ours | {"prefect"})
