"""The audit of dependencies fails on a known weakness, and says so when it could not ask."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parents[1] / ".ci/audit.py"
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
WEAK = {
    "name": "weak",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["2.1"], "aliases": [], "description": "x"}],
}
SKIPPED = {"name": "private", "skip_reason": "not found"}


def audit(*command: str, **environment: str) -> tuple[int, str]:
    """The exit code and what was printed."""
    done = subprocess.run(
        [sys.executable, str(AUDIT), *command],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        ([SOUND], 0, "audited: 1 packages, 0 known weaknesses\n"),
        (
            [SOUND, WEAK],
            1,
            "weak 2.0: PYSEC-2026-1, mended in 2.1\naudited: 2 packages, 1 known weaknesses\n",
        ),
        (
            [SOUND, SKIPPED],
            0,
            "audited: 1 packages, 0 known weaknesses\nNOT AUDITED: 1 packages: private\n",
        ),
        (
            [SKIPPED],
            0,
            "NOT AUDITED: no package could be asked about; is there a way to the internet?\n",
        ),
    ],
)
def test_what_is_known_decides(
    found: list[dict[str, Any]], code: int, said: str, tmp_path: Path
) -> None:
    """What could not be asked is never counted as sound."""
    script = tmp_path / "told.py"
    script.write_text(f"print({json.dumps({'dependencies': found})!r})")
    assert audit(sys.executable, str(script)) == (code, said)


@pytest.mark.parametrize("command", [(), ("/none/pip-audit",)])
def test_without_a_way_to_ask_it_says_so_and_passes(command: tuple[str, ...]) -> None:
    """Neither a missing network nor a missing tool looks like a clean bill."""
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    code, said = audit(*command, **nowhere, NO_PROXY="", no_proxy="")
    assert (code, said.partition(":")[0]) == (0, "NOT AUDITED")
