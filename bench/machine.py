"""What a result was measured on, and how it is written down."""

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).parent / "results"


def described() -> str:
    """The machine in one sentence, without names of hosts or folders."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = _cpu_model() or platform.machine()
    version = ".".join(str(part) for part in sys.version_info[:3])
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux, Python {version}"


def _cpu_model() -> str | None:
    information = Path("/proc/cpuinfo")
    if not information.is_file():
        return None
    lines = information.read_text().splitlines()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, None)


def write_result(name: str, title: str, repeat: str, body: str) -> Path:
    """Keep a result: what, on which machine, when, how to repeat it, and the figures."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.md"
    path.write_text(
        f"# {title}\n\n"
        f"- Machine: {described()}; the cores are shared with other work, so processor seconds "
        "and ratios say more than seconds on the wall.\n"
        f"- Date: {datetime.now(UTC):%Y-%m-%d}\n"
        f"- Repeat: `{repeat}`\n\n{body}\n"
    )
    return path


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table in markdown; all columns but the first are numbers."""
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *rows])
