"""What flows and commands take from the machine they run on."""

import os
from pathlib import Path

from packshot.providers.registry import PROVIDERS


def key_from_environment(provider: str) -> str | None:
    """The provider's key, if its environment variable is set."""
    entry = PROVIDERS.get(provider)
    if entry is None or entry.key_variable is None:
        return None
    return os.environ.get(entry.key_variable)


def home_spool() -> str:
    """Where paid results wait on this machine when the store is away."""
    return str(Path.home() / ".packshot" / "spool")
