"""The form in Prefect's UI and the model of the job are one."""

from inspect import signature

import pytest
from prefect.utilities.callables import parameter_schema

from flows.cut_catalog import cut_catalog
from flows.form import job_of
from flows.plan_only import plan_only
from flows.retry_failures import retry_failures
from packshot.facts.errors import BadOption
from packshot.facts.job import Job

FLOWS = [cut_catalog, plan_only, retry_failures]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_a_flow_asks_for_what_a_job_holds(flow: object) -> None:
    """Every field of the job is a parameter, in its order and with its default."""
    parameters = signature(flow.fn).parameters  # type: ignore[attr-defined]
    assert list(parameters) == list(Job.model_fields)
    for name, field in Job.model_fields.items():
        asked = parameters[name].default
        assert (asked is signature(object).empty) if field.is_required() else asked == field.default


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_a_form_says_what_the_job_says(flow: object) -> None:
    """Descriptions and bounds reach the form."""
    form = parameter_schema(flow).properties  # type: ignore[arg-type]
    for name, field in Job.model_fields.items():
        assert form[name]["description"] == field.description
    for name in ("max_credits", "keep_credits", "limit"):
        assert form[name]["anyOf"][0]["minimum"] == 0


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_a_form_bounds_the_megapixels(flow: object) -> None:
    """A whole number from 1 to 50, `auto`, or nothing, and what it is for."""
    definitions = parameter_schema(flow).definitions  # type: ignore[arg-type]
    asked = definitions["PaidOptions"]["properties"]["purchase_megapixels"]
    assert asked["anyOf"] == [
        {"type": "integer", "minimum": 1, "maximum": 50},
        {"const": "auto", "type": "string"},
        {"type": "null"},
    ]
    assert asked["default"] is None
    assert "1 to 50, or `auto`" in asked["description"]


def test_a_wrong_field_is_named_in_a_sentence() -> None:
    """What the form cannot check is refused in words, without a traceback or the input."""
    with pytest.raises(BadOption) as refused:
        job_of({"manifest": "m.csv", "destination": "..", "limit": -1})
    said = str(refused.value)
    assert said.startswith("`destination`: `..` names no folder")
    assert said.endswith("`limit` must be at least 0, not `-1`")
