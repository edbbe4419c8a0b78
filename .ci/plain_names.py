"""Give each line of the lock that names extras one without them beside it.

    python .ci/plain_names.py requirements.lock

Somebody else may ask for the same package without its extra. pip 23 knows no pin for that name
then, looks at the newest release, and refuses it for having no hash.
"""

import re
import sys
from pathlib import Path

BLOCK = re.compile(r"^(?P<name>[\w.-]+)\[[^\]]*\](?P<rest>==.*\n(?:    --hash.*\n)+)", re.MULTILINE)


def with_plain_names(lock: str) -> str:
    """The lock with both forms; what holds both is left as it is."""

    def both(block: re.Match[str]) -> str:
        plain = block["name"] + block["rest"]
        return block[0] if f"\n{plain}" in lock else plain + block[0]

    return BLOCK.sub(both, lock)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(with_plain_names(file.read_text()))
