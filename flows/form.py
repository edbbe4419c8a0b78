"""The form in Prefect's UI: every parameter explained in the words of the job's model."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from packshot.facts.errors import BadOption
from packshot.facts.job import Job, Options
from packshot.facts.wrong_job import sentence

Flow = TypeVar("Flow", bound=Callable[..., Any])

DEFAULT: Final = Options()


def explained(flow: Flow) -> Flow:
    """Add what `Job` says of each field to the docstring, where Prefect looks for it."""
    fields = Job.model_fields
    told = [f"    {name}: {fields[name].description}" for name in signature(flow).parameters]
    flow.__doc__ = "\n".join([flow.__doc__ or "", "", "Args:", *told])
    return flow


def job_of(asked: Mapping[str, Any]) -> Job:
    """The job that a filled-in form asks for. Raises `BadOption` naming each wrong field."""
    try:
        return Job(**asked)
    except ValidationError as error:
        raise BadOption(sentence(error)) from None
