"""The form in Prefect's UI: every parameter explained in the words of the job's model."""

from collections.abc import Callable
from inspect import signature
from typing import Any, TypeVar

from packshot.facts.job import Job

Flow = TypeVar("Flow", bound=Callable[..., Any])


def explained(flow: Flow) -> Flow:
    """Add what `Job` says of each field to the docstring, where Prefect looks for it."""
    fields = Job.model_fields
    told = [f"    {name}: {fields[name].description}" for name in signature(flow).parameters]
    flow.__doc__ = "\n".join([flow.__doc__ or "", "", "Args:", *told])
    return flow
