"""What a run is asked to do: one model for the command line, Prefect's form and job files."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from packshot.facts.bought_output import MOST_OUTPUTS, BoughtOutput
from packshot.facts.columns import ColumnNames
from packshot.facts.export_choice import ExportChoice
from packshot.facts.item import public
from packshot.facts.paid_options import PaidOptions
from packshot.facts.variant import Variant, megapixels_needed


class Storage(BaseModel):
    """How to reach object storage. Credentials come from where s3fs users keep them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint_url: Annotated[
        str | None, Field(description="Endpoint of an S3-compatible store.")
    ] = None
    profile: Annotated[str | None, Field(description="Profile of the AWS configuration.")] = None
    anon: Annotated[bool, Field(description="Read without credentials.")] = False
    region: Annotated[str | None, Field(description="Region of the bucket.")] = None
    cache_control: Annotated[
        str, Field(description="Cache-Control header of published pictures.")
    ] = "public, max-age=31536000, immutable"
    acl: Annotated[
        str | None, Field(description="Canned ACL of published pictures, such as `public-read`.")
    ] = None
    server_side_encryption: Annotated[
        Literal["AES256", "aws:kms"] | None, Field(description="Encryption of everything written.")
    ] = None

    def fsspec_options(self) -> dict[str, object]:
        """Keyword arguments for s3fs."""
        options: dict[str, object] = {}
        if self.profile:
            options["profile"] = self.profile
        if self.anon:
            options["anon"] = True
        client = {"endpoint_url": self.endpoint_url, "region_name": self.region}
        options["client_kwargs"] = {name: value for name, value in client.items() if value}
        return options


class Limits(BaseModel):
    """Widths, caps and waiting times."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: Annotated[int, Field(ge=1, le=256, description="Pictures worked on at once.")] = 48
    fetches_at_once: Annotated[int, Field(ge=1, le=256, description="Downloads at once.")] = 16
    fetches_per_host: Annotated[
        int, Field(ge=1, le=64, description="Downloads at once from one host.")
    ] = 8
    calls_at_once: Annotated[
        int, Field(ge=1, le=128, description="Calls to the provider at once.")
    ] = 40
    decoded_megapixels: Annotated[
        int, Field(ge=25, le=4000, description="Megapixels decoded at once; bounds memory.")
    ] = 60
    source_megabytes: Annotated[
        int, Field(ge=1, le=500, description="Largest source file fetched.")
    ] = 50
    source_megapixels: Annotated[
        int, Field(ge=1, le=200, description="Largest source picture decoded.")
    ] = 50
    item_seconds: Annotated[
        int, Field(ge=10, le=3600, description="Total time one picture may take.")
    ] = 600
    stop_seconds: Annotated[
        int, Field(ge=1, le=25, description="Wait for calls in flight when asked to stop.")
    ] = 20


class Options(BaseModel):
    """What is set once for a catalog and rarely changed at a click."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    catalog: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$",
            description="Name under which `state` remembers this catalog; "
            "by default the last part of `destination`.",
        ),
    ] = None
    columns: Annotated[
        ColumnNames, Field(description="Names of columns, where they are not found by themselves.")
    ] = ColumnNames()
    export: Annotated[
        ExportChoice, Field(description="How to read a shop's export, and which of its pictures.")
    ] = ExportChoice()
    allow_local: Annotated[
        bool,
        Field(
            description="Let the manifest name files instead of URLs: any that this machine, or "
            "its credentials for the manifest's store, may read."
        ),
    ] = False
    allow_hosts: Annotated[
        list[str],
        Field(description="Hosts on private addresses that pictures may be fetched from."),
    ] = []
    paid: Annotated[PaidOptions, Field(description="What is bought; part of the fingerprint.")] = (
        PaidOptions()
    )
    variants: Annotated[
        list[Variant], Field(min_length=1, max_length=12, description="Pictures made per item.")
    ] = [Variant()]
    outputs: Annotated[
        list[BoughtOutput],
        Field(
            max_length=MOST_OUTPUTS,
            description="Further pictures that the provider makes in the same call, each for a "
            "price. BackgroundCut knows them; what `variants` can make here costs nothing.",
        ),
    ] = []
    wire_format: Annotated[
        Literal["zip", "png", "jpg", "webp", "json"],
        Field(description="How the provider sends its answer; not part of the fingerprint."),
    ] = "zip"
    provider_url: Annotated[
        str | None, Field(description="Base URL of the provider's API, for example a sandbox.")
    ] = None
    provider_settings: Annotated[
        dict[str, dict[str, str]],
        Field(
            description="What only one provider knows, by its name: `leonardo.mode`, for example."
        ),
    ] = {}
    price_per_unit: Annotated[
        dict[str, Annotated[float, Field(ge=0)]],
        Field(description="What one credit or image costs in money, by the provider's name."),
    ] = {}
    currency: Annotated[
        str, Field(pattern=r"^[A-Z]{3}$", description="Of that money, three letters.")
    ] = "USD"
    max_cost: Annotated[
        float | None,
        Field(ge=0, description="Spend at most this much money in this run, whatever the unit."),
    ] = None
    fallback: Annotated[
        list[str],
        Field(
            max_length=5,
            description="Providers that take over in this order what the first could not do.",
        ),
    ] = []
    fallback_on: Annotated[
        list[Literal["outage", "no_credits", "refused", "closed"]],
        Field(description="What makes a picture move on to the next provider."),
    ] = ["outage", "no_credits"]
    fallback_free: Annotated[
        bool,
        Field(
            description="Let free cutouts stand in for paid ones until the paid provider is back."
        ),
    ] = False
    provider_urls: Annotated[
        dict[str, str], Field(description="Base URLs of the providers in `fallback`, by name.")
    ] = {}
    yes: Annotated[
        int | None,
        Field(ge=0, le=100_000_000, description="Approve up to this many paid calls."),
    ] = None
    recheck_after_days: Annotated[
        float, Field(ge=0, le=365, description="Re-ask a known URL once per this many days.")
    ] = 7.0
    trust_versioned_days: Annotated[
        float, Field(ge=0, le=365, description="The same for URLs that carry a version.")
    ] = 30.0
    recheck_budget: Annotated[
        int,
        Field(
            ge=0,
            le=100_000_000,
            description="At most this many known URLs re-asked per run and host.",
        ),
    ] = 20_000
    sample: Annotated[
        int | None, Field(ge=0, description="Work on this many items, spread over the catalog.")
    ] = None
    insist: Annotated[
        bool, Field(description="Try what is selected though it backs off or was rejected.")
    ] = False
    max_gone_share: Annotated[
        float, Field(ge=0, le=1, description="Stop if more of the known items vanished.")
    ] = 0.2
    max_changed_share: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Stop if more of the known pictures asked again tonight changed.",
        ),
    ] = 0.2
    max_failed_share: Annotated[
        float, Field(ge=0, le=1, description="The flow run fails if more of the items failed.")
    ] = 0.5
    skip_white: Annotated[
        bool,
        Field(
            description="Buy only where the ground is not white already, as the border of the "
            "fetched picture shows."
        ),
    ] = False
    hold_for_review: Annotated[
        bool, Field(description="Keep the previous picture current when a cutout looks wrong.")
    ] = False
    sidecar: Annotated[bool, Field(description="Write one JSON beside each picture.")] = False
    account_every: Annotated[
        int,
        Field(
            ge=1, le=1_000_000, description="Read the balance again after this many charged calls."
        ),
    ] = 50
    finish_by: Annotated[
        str | None,
        Field(
            pattern=r"^([01]\d|2[0-3]):[0-5]\d$",
            description="Local time (HH:MM) after which no new call leaves.",
        ),
    ] = None
    keep_private_days: Annotated[
        int,
        Field(
            ge=1, le=36_500, description="Days until a run's private inputs, with whole URLs, go."
        ),
    ] = 30
    plan: Annotated[
        str | None, Field(description="A saved plan to carry out instead of reading the manifest.")
    ] = None
    spool: Annotated[
        str | None, Field(description="Local folder for results that cannot be stored.")
    ] = None
    storage: Annotated[Storage, Field(description="How to reach object storage.")] = Storage()
    limits: Annotated[Limits, Field(description="Widths, caps and waiting times.")] = Limits()

    @field_validator("variants")
    @classmethod
    def _distinct_names(cls, value: list[Variant]) -> list[Variant]:
        names = [variant.name for variant in value]
        if len(set(names)) < len(names):
            raise ValueError("two variants share a name; give each its own")
        return value

    @model_validator(mode="after")
    def _outputs_have_names_of_their_own(self) -> Self:
        names = [variant.name for variant in self.variants]
        names += [output.name for output in self.outputs]
        if len(set(names)) < len(names):
            raise ValueError("two of `outputs` and `variants` share a name; give each its own")
        return self

    @property
    def purchase(self) -> PaidOptions:
        """What is bought where no row says otherwise, `auto` settled by the variants."""
        return self.paid.settled(megapixels_needed(self.variants))


IN_BLOCK = "secret:"
"""Before the name of a Prefect Secret block, where an address would stand."""
Manifest = Annotated[
    str,
    Field(
        min_length=1,
        description="Path, URL, folder or glob of the catalog's table. An address with a "
        "signature or a login in it: `secret:` and the name of the Prefect Secret block that "
        "holds it.",
    ),
]
Destination = Annotated[
    str, Field(min_length=1, description="Where pictures go: a folder or `s3://bucket/prefix`.")
]
State = Annotated[
    str | None, Field(description="Private memory between runs; by default `<destination>-state`.")
]
ProviderName = Annotated[
    str,
    Field(
        description="Who cuts out: `local` and `rembg` for nothing on the worker's machine, the "
        "others by their API.",
    ),
]
MaxCredits = Annotated[
    float | None, Field(ge=0, description="Spend at most this much in this run.")
]
KeepCredits = Annotated[float | None, Field(ge=0, description="Never take the balance below this.")]
WhenShort = Annotated[
    Literal["partial", "stop"],
    Field(description="Short of credits: buy in order as far as it goes, or buy nothing."),
]
Limit = Annotated[int | None, Field(ge=0, description="Work on at most this many items.")]
Only = Annotated[list[str] | None, Field(description="Work only on these keys or SKUs.")]
Recut = Annotated[
    Literal["options", "never", "provider", "all"],
    Field(
        description="What makes a known picture be bought again: changed `options`, nothing "
        "(`never`), also another `provider`, or simply `all`."
    ),
]


class Job(BaseModel):
    """One catalog's night.

    The flat fields are what people change at a click: a nested one cannot be changed alone
    from Prefect's quick run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    manifest: Manifest
    destination: Destination
    state: State = None
    provider: ProviderName = "local"
    max_credits: MaxCredits = None
    keep_credits: KeepCredits = None
    when_short: WhenShort = "partial"
    limit: Limit = None
    only: Only = None
    recut: Recut = "options"
    options: Annotated[Options, Field(description="Everything else.")] = Options()

    @field_validator("destination")
    @classmethod
    def _names_a_place(cls, value: str) -> str:
        last = value.rstrip("/").rsplit("/", 1)[-1]
        if last in {"", ".", "..", "~"} or last.endswith(":"):
            raise ValueError(
                f"`{value}` names no folder of its own, so the private state cannot lie beside it; "
                "write the folder's name, for example `pictures`"
            )
        return value

    @property
    def manifest_block(self) -> str | None:
        """Name of the Secret block that holds the manifest's address, if one does."""
        return self.manifest.removeprefix(IN_BLOCK) if self.manifest.startswith(IN_BLOCK) else None

    @property
    def manifest_name(self) -> str | None:
        """What the manifest is called instead of its address, where that is in a Secret block."""
        return None if self.manifest_block is None else self.manifest

    @property
    def manifest_shown(self) -> str:
        """The manifest's address as it may be told; `?` in a path is a wildcard and stays."""
        scheme, mark, rest = self.manifest.partition("://")
        if scheme.lower() in {"http", "https"}:
            return public(self.manifest)
        authority, slash, path = rest.partition("/")
        login = authority.rpartition("@")
        return f"{scheme}://{login[2]}{slash}{path}" if mark else self.manifest

    @property
    def state_url(self) -> str:
        """The private place, by default beside the public one."""
        return self.state or f"{self.destination.rstrip('/')}-state"

    @property
    def catalog(self) -> str:
        """Name of this catalog in the state."""
        return self.options.catalog or self.destination.rstrip("/").rsplit("/", 1)[-1]
