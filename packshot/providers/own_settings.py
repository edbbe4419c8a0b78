"""Settings that only one provider knows, read as they were written in a job."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from packshot.facts.errors import BadOption


class OwnSettings(BaseModel):
    """The settings of one provider; every one has a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, who: str, given: Mapping[str, str]) -> Self:
        """Read what was given. Raises `BadOption`, which names what there is."""
        unknown = sorted(given.keys() - cls.model_fields.keys())
        if unknown:
            known = ", ".join(cls.model_fields)
            raise BadOption(f"{who} has no setting `{unknown[0]}`; there are {known}.")
        try:
            return cls.model_validate(dict(given))
        except ValidationError as error:
            wrong = error.errors()[0]
            name, why = str(wrong["loc"][0]), wrong["msg"].lower()
            raise BadOption(
                f"The setting `{name}` of {who} cannot be `{given[name]}` ({why}); "
                "correct it or leave it out."
            ) from None
