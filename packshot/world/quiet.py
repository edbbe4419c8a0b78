"""Keep other people's libraries from writing secrets into logs."""

import logging

TALKATIVE = ("httpx", "httpcore", "fsspec", "s3fs", "aiohttp", "botocore", "aiobotocore", "boto3")
"""At INFO or DEBUG these write whole URLs, logins included, or the headers that carry keys."""


def quiet_libraries() -> None:
    """Let them speak of trouble only, whatever the root logger is set to."""
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
