"""What went wrong at a place of files, in our words: the cause and what to do about it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from fsspec.core import split_protocol

from packshot.facts.errors import StoreUnavailable

_NO_ANSWER = "the service does not answer; check the network and --endpoint-url"
_NOT_LET_IN = "access denied; check credentials and policy, or name a --profile"
_WRONG_KEY = "the service does not accept the credentials; renew them or name another --profile"
_NO_ACCESS = "access denied; give this user access, or name another place"
_NO_FOLDER = "Not a directory; a file is in the way, so give another folder"
_NOBODY = "nobody answers there; check the address and the network"
_NOT_SECURE = "no secure connection comes about; check the address and the server's certificate"
_NOT_SPOKEN = (
    "no file system is installed for such addresses; give a path or an address on s3:// or https://"
)
_NOT_UNDERSTOOD = "the address is not understood; give a path or an address on s3:// or https://"
_REMEDIES: Final = MappingProxyType(
    {
        # exceptions of botocore
        "NoCredentialsError": "no credentials were found; name a --profile, or set "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "PartialCredentialsError": "the credentials are incomplete; name another --profile, or set "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "ProfileNotFound": "the AWS configuration has no such profile; check --profile",
        "EndpointConnectionError": _NO_ANSWER,
        "ConnectTimeoutError": _NO_ANSWER,
        "ReadTimeoutError": _NO_ANSWER,
        "ConnectionClosedError": _NO_ANSWER,
        "ParamValidationError": "no bucket can have that name; check the address",
        # of fsspec, and of aiohttp, which fetches from the web
        "ImportError": _NOT_SPOKEN,
        "ModuleNotFoundError": _NOT_SPOKEN,
        "ValueError": _NOT_UNDERSTOOD,
        "InvalidURL": _NOT_UNDERSTOOD,
        "InvalidUrlClientError": _NOT_UNDERSTOOD,
        "gaierror": "there is no such host; check the address and the network",
        "ClientConnectorDNSError": "there is no such host; check the address and the network",
        "ClientConnectorError": _NOBODY,
        "ConnectionRefusedError": _NOBODY,
        "FSTimeoutError": _NOBODY,
        "ServerTimeoutError": _NOBODY,
        "ServerDisconnectedError": "the connection broke off; try again",
        "ClientPayloadError": "the connection broke off; try again",
        "SSLError": _NOT_SECURE,
        "SSLCertVerificationError": _NOT_SECURE,
        "ClientConnectorSSLError": _NOT_SECURE,
        "ClientConnectorCertificateError": _NOT_SECURE,
        # codes in answers of S3
        "NoSuchBucket": "there is no such bucket; create it or name another place",
        "AccessDenied": _NOT_LET_IN,
        "403": _NOT_LET_IN,
        "InvalidAccessKeyId": _WRONG_KEY,
        "SignatureDoesNotMatch": _WRONG_KEY,
        "ExpiredToken": _WRONG_KEY,
        # errors of the operating system
        "EACCES": _NO_ACCESS,
        "EPERM": _NO_ACCESS,
        "EROFS": "the file system is read-only; give another folder",
        "ENOTDIR": _NO_FOLDER,
        "EEXIST": _NO_FOLDER,
        "ENOSPC": "No space left; free some or give a folder on another disk",
        "EDQUOT": "the disk quota is used up; free some space or give another folder",
    }
)
"""What to do, by the name of an exception, the code of an answer or of an error."""


def _names(error: BaseException | None) -> Iterator[str]:
    """What an error may be known by; what caused it knows more."""
    if error is None:
        return
    yield from _names(error.__cause__)
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        yield str(answer.get("Error", {}).get("Code"))
    yield type(error).__name__
    if isinstance(error, OSError) and error.errno:
        yield errno.errorcode.get(error.errno, "")


def remedy(error: Exception, otherwise: str) -> str:
    """The cause and what to do about it, where the error or what caused it is known."""
    status = getattr(error, "status", None)  # of an answer over HTTP
    if isinstance(status, int):
        return _answered(status)
    return next((_REMEDIES[name] for name in _names(error) if name in _REMEDIES), otherwise)


def _answered(status: int) -> str:
    if status in {401, 403}:
        return f"the server answered {status}; the address needs a login or a fresh signature"
    if status in {408, 429} or status >= 500:  # what the server gets over
        return f"the server answered {status}; try again later"
    return f"the server answered {status}; check the address"


@contextmanager
def in_our_words(url: str) -> Iterator[None]:
    """Turn what a file system throws into one error that says what to do."""
    try:
        yield
    except (FileNotFoundError, StoreUnavailable):
        raise
    except PermissionError as error:
        elsewhere = ", or keep the state elsewhere with --state" if _is_default_state(url) else ""
        raise StoreUnavailable(f"{url}: {remedy(error, _NOT_LET_IN)}{elsewhere}") from error
    except OSError as error:
        cause = error.strerror or type(error).__name__
        raise StoreUnavailable(f"{url}: {remedy(error, _unknown(cause))}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in {"botocore", "aiobotocore", "aiohttp"}:
            raise
        raise StoreUnavailable(f"{url}: {remedy(error, _unknown(type(error).__name__))}") from error


@contextmanager
def writing(url: str) -> Iterator[None]:
    """The same for writes: where nothing can be put, nothing may be bought."""
    with in_our_words(url):
        try:
            yield
        except FileNotFoundError as error:
            raise StoreUnavailable(f"{url}: {_missing(url)}") from error


def _unknown(cause: str) -> str:
    return f"{cause}; check that this machine reaches the place, then run again"


def _missing(url: str) -> str:
    if split_protocol(url)[0] is None:
        return "there is no such folder; create it or give another"
    if _is_default_state(url):
        return (
            "there is no such bucket for the private state; create it, or keep the state in a "
            "bucket that is there, with --state"
        )
    return _REMEDIES["NoSuchBucket"]


def _is_default_state(url: str) -> bool:
    """Whether this looks like the state beside a bare bucket, which is a bucket of its own."""
    protocol, path = split_protocol(url)
    return protocol is not None and "/" not in path and path.endswith("-state")
