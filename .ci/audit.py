"""Asks what is known about weaknesses in the packages of `requirements.lock`.

The answer is on the internet. Where that does not answer, or does not know a package, this says
so and passes: a gate that needs somebody else's server is no gate. A known weakness fails.

    python .ci/audit.py [COMMAND]      another command in the place of pip-audit
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).parents[1] / "requirements.lock"
COMMAND = [sys.executable, "-m", "pip_audit"]
HOW = [
    "--format=json",
    "--progress-spinner=off",
    "--require-hashes",
    "--disable-pip",
    "--timeout=10",
]
PATIENCE_SECONDS = 45


def asked(command: list[str]) -> str:
    """What pip-audit writes; nothing where it could not ask."""
    try:
        done = subprocess.run(  # noqa: S603  ours
            [*command, *HOW, f"--requirement={LOCK}"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{type(error).__name__} while asking", file=sys.stderr)
        return ""
    if not done.stdout:  # else its last line may speak of no weakness where it asked for none
        print("\n".join(done.stderr.splitlines()[-1:]), file=sys.stderr)
    return done.stdout


def packages(answer: str) -> list[dict[str, Any]]:
    """One entry per package, as far as pip-audit came."""
    try:
        found: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return []
    return found


def verdict(found: list[dict[str, Any]]) -> tuple[list[str], bool]:
    """Lines to print, and whether the lock may pass."""
    known = [entry for entry in found if "skip_reason" not in entry]
    weak = [
        f"{entry['name']} {entry['version']}: {flaw['id']}, mended in "
        f"{', '.join(flaw.get('fix_versions', [])) or 'no version yet'}"
        for entry in known
        for flaw in entry.get("vulns", [])
    ]
    if not known:
        return [
            "NOT AUDITED: no package could be asked about; is there a way to the internet?"
        ], True
    unknown = [entry["name"] for entry in found if "skip_reason" in entry]
    lines = [*weak, f"audited: {len(known)} packages, {len(weak)} known weaknesses"]
    if unknown:
        lines.append(f"NOT AUDITED: {len(unknown)} packages: {', '.join(unknown)}")
    return lines, not weak


def main() -> int:
    """Audit the lock; 1 says that a weakness is known."""
    lines, passes = verdict(packages(asked(sys.argv[1:] or COMMAND)))
    print("\n".join(lines))
    return 0 if passes else 1


if __name__ == "__main__":
    sys.exit(main())
