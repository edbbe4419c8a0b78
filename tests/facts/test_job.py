"""A job says what a run is asked to do, and refuses what could not be meant."""

import math

import pytest
from pydantic import ValidationError

from packshot.facts.job import Job, Options, Storage
from packshot.facts.variant import Variant


def job(destination: str = "pictures", **changes: object) -> Job:
    """A job with only what is required, unless said otherwise."""
    return Job.model_validate({"manifest": "m.csv", "destination": destination} | changes)


@pytest.mark.parametrize(
    ("destination", "state", "catalog"),
    [
        ("pictures", "pictures-state", "pictures"),
        ("/shop/pictures/", "/shop/pictures-state", "pictures"),
        ("s3://bucket/shop/eu", "s3://bucket/shop/eu-state", "eu"),
        ("s3://bucket", "s3://bucket-state", "bucket"),
    ],
)
def test_the_state_lies_beside_the_pictures(destination: str, state: str, catalog: str) -> None:
    """By default it is outside the public prefix, and the catalog is named by the destination."""
    assert (job(destination).state_url, job(destination).catalog) == (state, catalog)


@pytest.mark.parametrize("destination", ["", ".", "..", "shop/..", "~", "/", "s3://", "./"])
def test_a_destination_without_a_name_is_refused(destination: str) -> None:
    """Beside a folder without a name there is no place for private things."""
    with pytest.raises(ValidationError):
        job(destination)


def test_state_and_catalog_can_be_named() -> None:
    """Catalogs that share a state buy equal pictures once."""
    named = job(state="s3://private/state", options={"catalog": "eu-2"})
    assert (named.state_url, named.catalog) == ("s3://private/state", "eu-2")


@pytest.mark.parametrize("catalog", ["../up", "a/b", "", ".hidden", "x" * 62, "eu\n"])
def test_a_catalogs_name_cannot_leave_the_state(catalog: str) -> None:
    """It is a folder in the state."""
    with pytest.raises(ValidationError):
        Options(catalog=catalog)


def test_a_strangers_first_run_is_free() -> None:
    """Without a word about providers nothing can be charged."""
    assert job().provider == "local"
    assert job().options.yes is None


def test_nothing_misspelt_is_ignored() -> None:
    """A job file with a typing error does not run without its cap."""
    with pytest.raises(ValidationError, match="max_credit\n"):
        job(max_credit=5)


@pytest.mark.parametrize("cap", [-1, math.nan])
def test_a_cap_is_a_number_of_credits(cap: float) -> None:
    """A cap that compares with nothing would hold nothing."""
    with pytest.raises(ValidationError):
        job(max_credits=cap)


def test_variants_have_names_of_their_own() -> None:
    """Two pictures of one item may not share a file."""
    with pytest.raises(ValidationError, match="share a name"):
        Options(variants=[Variant(), Variant(crop=True)])


@pytest.mark.parametrize("time", ["24:00", "7:30", "07:60", "noon"])
def test_a_time_to_finish_is_hours_and_minutes(time: str) -> None:
    """A time that no clock shows would never come."""
    with pytest.raises(ValidationError):
        Options(finish_by=time)


def test_only_what_was_said_reaches_the_file_system() -> None:
    """Credentials and regions come from where the operator keeps them."""
    assert Storage().fsspec_options() == {"client_kwargs": {}}
    told = Storage(endpoint_url="http://127.0.0.1:9", profile="shop", anon=True)
    assert told.fsspec_options() == {
        "profile": "shop",
        "anon": True,
        "client_kwargs": {"endpoint_url": "http://127.0.0.1:9"},
    }


def test_a_job_survives_being_written_down() -> None:
    """Prefect, job files and run records carry it as JSON."""
    written = job(options={"finish_by": "05:30", "allow_hosts": ["cdn.internal"]})
    assert Job.model_validate_json(written.model_dump_json()) == written


def test_auto_follows_the_variants_and_stays_on_record() -> None:
    """What is bought has a number; a retry with other variants asks anew."""
    options = {"paid": {"purchase_megapixels": "auto"}, "variants": [{"longest_side": 1500}]}
    asked = job(options=options)
    assert asked.options.purchase.shrunk_to == 3
    assert asked.model_dump(mode="json")["options"]["paid"]["purchase_megapixels"] == "auto"
