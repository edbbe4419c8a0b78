"""Manifest addresses that Prefect must not show: they come from Secret blocks, or stay here."""

from flows.keys import from_block
from packshot.facts.errors import BadOption
from packshot.facts.job import IN_BLOCK, Job

_kept: dict[str, str] = {}


def keep_here(job: Job) -> str:
    """The manifest as a parameter may show it; the whole address does not leave this process."""
    _kept[job.manifest_shown] = job.manifest
    return job.manifest_shown


def whole_manifest(job: Job) -> str | None:
    """The whole address, where the job holds the name of a block or what may be shown of it.

    Raises `BadOption` when there is no such block.
    """
    block = job.manifest_block
    if block is None:
        return _kept.get(job.manifest)
    if address := (from_block(block) or "").strip():
        return address
    raise BadOption(
        f"manifest: there is no Secret block `{block}`, or it is empty; store the manifest's "
        f"address in it, or write another name behind `{IN_BLOCK}`"
    )
