"""The picture that is put behind every product, read from the file that a job names."""

from typing import Final

import fsspec

from packshot.facts.errors import BadOption
from packshot.facts.item import public
from packshot.facts.job import Job
from packshot.facts.removebg_options import named_by_content
from packshot.world.place_errors import remedy

MOST_BYTES: Final = 22_000_000
"""More is not taken by remove.bg (API reference, file sizes)."""


def read_backdrop(job: Job) -> tuple[Job, bytes | None]:
    """The file of `background_image_file`, and the job with its content in place of its name.

    Raises `BadOption` where it cannot be read or is too large.
    """
    own = job.options.paid.removebg
    address = own.background_image_file
    if address is None:
        return job, None
    content = _read(address, job)
    if len(content) > MOST_BYTES:
        raise BadOption(
            f"`background_image_file` {public(address)} has more than {MOST_BYTES / 1e6:g} MB; "
            "save it smaller"
        )
    settled = own.model_copy(update={"background_image_file": named_by_content(content)})
    paid = job.options.paid.model_copy(update={"removebg": settled})
    options = job.options.model_copy(update={"paid": paid})
    return job.model_copy(update={"options": options}), content


def _read(address: str, job: Job) -> bytes:
    scheme = address.partition("://")[0] if "://" in address else "file"
    how = job.options.storage.fsspec_options() if scheme == "s3" else {}
    try:
        with fsspec.open(address, "rb", **how) as file:
            return bytes(file.read(MOST_BYTES + 1))
    except Exception as error:  # noqa: BLE001  whatever a file system throws
        said = remedy(error, "give the path of a picture on this machine, or an address on s3://")
        raise BadOption(
            f"`background_image_file` {public(address)} cannot be read; check it: {said}"
        ) from None
