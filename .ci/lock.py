"""Put a compiled lock in order: what a run needs first, then what only development needs.

    python .ci/lock.py whole.txt base.txt requirements.lock

`whole` holds all extras with their hashes, `base` names what the package itself needs. A line that
names extras gets one without them beside it: somebody else may ask for the same package without its
extra, and pip 23 knows no pin for that name then, looks at the newest release, and refuses it for
having no hash.
"""

import re
import sys
from pathlib import Path

MARK = "# --- from here on: optional extras and development ---\n"
BLOCK = re.compile(r"^(?P<name>[\w.-]+)(?P<extras>\[[^\]]*\])?==.*\n(?:[ \t]+.*\n)*", re.MULTILINE)


def in_order(whole: str, base: str) -> str:
    """The lock in two parts with `MARK` between them."""
    needed = {block["name"] for block in BLOCK.finditer(base)}
    first, then = [], []
    for block in BLOCK.finditer(whole):
        lines = [block[0]]
        if block["extras"] and f"\n{block['name']}==" not in whole:
            lines.insert(0, block[0].replace(block["extras"], "", 1))
        (first if block["name"] in needed else then).extend(lines)
    return "".join([*first, MARK, *then])


if __name__ == "__main__":
    whole, base, lock = map(Path, sys.argv[1:])
    lock.write_text(in_order(whole.read_text(), base.read_text()))
