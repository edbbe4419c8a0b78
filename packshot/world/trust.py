"""Whom connections trust; reading the authorities takes longer than a whole call on loopback."""

import functools
import ssl

import httpx


@functools.cache
def trusted_authorities() -> ssl.SSLContext:
    """The authorities that httpx ships with, whatever the environment names; one per process."""
    return httpx.create_ssl_context(trust_env=False)
