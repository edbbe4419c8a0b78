"""What can go wrong, sorted by what the caller should do next.

PackshotError
├── StopRun              no other picture can succeed either
│   ├── OutOfCredits
│   ├── KeyRejected
│   ├── CapReached
│   ├── FloorReached
│   ├── StopRequested
│   ├── LeaseLost
│   ├── ChangedTooMuch
│   ├── ProviderFailing
│   └── StoreUnavailable
├── TryAgain             the same request may succeed in a moment
│   ├── Throttled
│   ├── Unreachable
│   └── NotYet
├── TryTomorrow          the same request may succeed on a later night
│   └── SourceMissing
├── SkipImage            this picture will not succeed until someone changes it
│   ├── SourceRefused
│   └── ImageRefused
├── Uncertain            the call was sent and never answered: it may have been charged
└── CannotStart          the run never began: a manifest, an option or a place is wrong
    ├── BadManifest
    ├── BadOption
    ├── CatalogBusy
    └── NeedsAnswer
"""

from typing import ClassVar


class PackshotError(Exception):
    """Root of everything this project raises on purpose.

    The message is a sentence for people; `code` is stable and for machines.
    """

    default_code: ClassVar[str] = "error"
    http_status: int | None = None
    """Of the answer that this error stands for, where there was one."""
    charged: float | None = None
    """What the provider says that it has charged all the same, in its unit."""
    body_excerpt: str | None = None
    """How that answer's body begins, without keys, logins and queries."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code or self.default_code

    def __str__(self) -> str:
        return self.message


class StopRun(PackshotError):
    """No other picture can succeed either; what is left is `deferred`.

    Where `everything` is false only buying has ended: what costs nothing goes on.
    """

    everything: ClassVar[bool] = False


class OutOfCredits(StopRun):
    """The provider's account is empty."""

    default_code = "no_credits"


class KeyRejected(StopRun):
    """The provider does not know the key, or it has been blocked."""

    default_code = "key_rejected"


class CapReached(StopRun):
    """One more call could exceed `max_credits`, or `max_cost`, which is its code then."""

    default_code = "max_credits"


class FloorReached(StopRun):
    """One more call could take the balance below `keep_credits`."""

    default_code = "keep_credits"


class StopRequested(StopRun):
    """A person, a signal or `finish_by` asked the run to stop."""

    default_code = "stopped"
    everything = True


class LeaseLost(StopRun):
    """Another run has taken over this catalog."""

    default_code = "lease_lost"
    everything = True


class ChangedTooMuch(StopRun):
    """More known pictures changed than a night can explain; a person must say yes."""

    default_code = "max_changed_share"


class ProviderFailing(StopRun):
    """The provider failed for many pictures in a row; calling on would cost time and doubt."""

    default_code = "provider_failing"


class StoreUnavailable(StopRun):
    """State or destination cannot be written, so nothing more may be bought."""

    default_code = "store_unavailable"
    everything = True


class TryAgain(PackshotError):
    """The request was sound; the moment was not."""

    default_code = "unreachable"

    def __init__(
        self, message: str, code: str | None = None, wait_seconds: float | None = None
    ) -> None:
        super().__init__(message, code)
        self.wait_seconds = wait_seconds


class Throttled(TryAgain):
    """The other side asked us to slow down; `wait_seconds` is its word, if it gave one."""

    default_code = "throttled"


class Unreachable(TryAgain):
    """No answer, a broken answer, or a server error."""


class NotYet(TryAgain):
    """The provider is still at work on a job; what it will cost has been decided."""

    default_code = "not_yet"


class TryTomorrow(PackshotError):
    """Trying again tonight is pointless; a later night may do better."""

    default_code = "not_available"


class SourceMissing(TryTomorrow):
    """The picture's address answers that nothing is there."""

    default_code = "source_missing"


class SkipImage(PackshotError):
    """The picture will not succeed until someone changes it; the next one may."""

    default_code = "refused"


class SourceRefused(SkipImage):
    """We do not fetch or decode this source: unsafe, too large, or not a picture."""

    default_code = "source_refused"


class ImageRefused(SkipImage):
    """The provider looked at the picture or its options and declined."""

    default_code = "image_refused"


class Uncertain(PackshotError):
    """The call was sent and never answered: at most one more call, and the books show it."""

    default_code = "uncertain"


class CannotStart(PackshotError):
    """The run never began."""

    default_code = "cannot_start"


class BadManifest(CannotStart):
    """The manifest cannot be read or understood."""

    default_code = "bad_manifest"


class BadOption(CannotStart):
    """An option or an environment variable is missing or wrong."""

    default_code = "bad_option"


class CatalogBusy(CannotStart):
    """Another run holds this catalog's lease."""

    default_code = "catalog_busy"


class NeedsAnswer(CannotStart):
    """A guard wants a person's yes: cost, vanished rows, or changed pictures."""

    default_code = "needs_answer"
