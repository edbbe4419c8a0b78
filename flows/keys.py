"""Where secrets come from: the environment, or a Prefect Secret block. Never a parameter."""

from prefect.blocks.system import Secret

from flows.environment import key_from_environment
from packshot.providers.registry import PROVIDERS, key_block


def provider_key(provider: str) -> str | None:
    """The provider's key, from its environment variable or else from its Secret block."""
    entry = PROVIDERS.get(provider)
    if entry is None or entry.key_variable is None:
        return None
    return key_from_environment(provider) or from_block(key_block(provider))


def from_block(name: str) -> str | None:
    """What a Secret block holds; None where there is no such block."""
    try:
        value = Secret.load(name).get()  # type: ignore[union-attr]  # sync here, async elsewhere
    except ValueError:  # Prefect's word for a block that does not exist
        return None
    return str(value)
