"""Background removal for whole product catalogs: every night, paid for once."""

__version__ = "0.1.0"
