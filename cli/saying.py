"""Where an error becomes one sentence on stderr, or one JSON document on stdout."""

import json
import os
import sys
import tempfile
import traceback

from cli.exits import Exit, of_kind
from cli.shown import err, say, say_json
from packshot.facts.errors import PackshotError


def wants_json() -> bool:
    """Whether the command line asks for JSON, even if it could not be understood."""
    return "--json" in sys.argv[1:]


def wants_all() -> bool:
    """Whether the command line asks for logs and tracebacks."""
    return bool({"--verbose", "-v"} & set(sys.argv[1:]))


def refuse(message: str, code: str, ends: Exit) -> Exit:
    """Tell why a command did not do what it was asked for."""
    if wants_json():
        say_json(json.dumps({"error": code, "message": message, "exit_code": ends.value}))
    else:
        say(f"packshot: {message}", on=err, style="bold")
    return ends


def refuse_error(error: PackshotError) -> Exit:
    """An error of ours, in its own words."""
    return refuse(str(error), error.code, of_kind(type(error)))


def refuse_usage(message: str) -> Exit:
    """A command line that cannot be read."""
    said = message.rstrip(".") or "this command line cannot be read"
    return refuse(f"{said}; see `packshot --help`", "wrong_usage", Exit.WRONG_USAGE)


def confess(error: BaseException) -> Exit:
    """A defect: one sentence, and the traceback in a file that only its owner may read."""
    told = "".join(traceback.format_exception(error))
    descriptor, path = tempfile.mkstemp(prefix="packshot-defect-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(told)
    if wants_all():
        say(told, on=err)
    kind = type(error).__name__
    return refuse(
        f"this is a defect of Packshot's ({kind}); please report it with {path}, which says where",
        "defect",
        Exit.DEFECT,
    )
