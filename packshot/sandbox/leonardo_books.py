"""How the played Leonardo.Ai behaves, and what it remembers."""

import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from packshot.sandbox.played import PlayedAccount, PlayedSettings
from packshot.sandbox.state import Refused, Seconds

KEPT_BYTES: Final = 200_000_000


class LeonardoSettings(PlayedSettings):
    """How the played Leonardo.Ai behaves. Where documents and programs disagree, programs win."""

    calls_per_window: Annotated[int, Field(ge=1)] | None = 100
    gone_status: Literal[403, 404, 410] = 403  # its store does not say what it does not have
    envelope: Literal["wrapped", "flat"] = "wrapped"
    absent: Literal["null", "left_out"] = "null"  # how a field that holds nothing is written
    cost: Literal["DOLLARS", "CREDITS", "absent"] = "DOLLARS"
    errors: Literal["errors", "list", "v1"] = "errors"  # shape of what is wrong with an order
    no_balance: Literal["list", "v1"] = "v1"
    keys_are_uuids: bool = False
    price: Annotated[float, Field(ge=0)] = 0.1047  # dollars an image
    preview_price: Annotated[float, Field(ge=0)] = 0.0269
    usd_per_token: Annotated[float, Field(gt=0)] = 0.0015
    account_lag_seconds: Annotated[float, Field(ge=0)] = 0.0
    base64_bytes: Annotated[int, Field(ge=1)] = 7_500_000  # of the file that is sent inline
    data_b64_bytes: Annotated[int, Field(ge=1)] = 7_450_000  # of the result that comes inline
    upload_bytes: Annotated[int, Field(ge=1)] = 25_000_000
    png_megapixels: Annotated[float, Field(gt=0)] = 10.0
    ephemeral_seconds: Annotated[float, Field(gt=0)] = 1_800.0
    init_image_seconds: Annotated[float, Field(gt=0)] = 120.0
    octet_stream: bool = True  # the store calls every result a stream of bytes
    pending_polls: Annotated[int, Field(ge=0)] = 1
    job_ends: Literal["COMPLETE", "FAILED"] = "COMPLETE"
    failed_is_charged: bool = False
    blocked: bool = False  # moderation withholds every result
    blocked_is_charged: bool = False
    work_seconds: Seconds = (0.0, 0.0)
    time_limit_seconds: Annotated[float, Field(gt=0)] = 27.0
    at_limit: Literal["504", "error"] = "504"  # a cut connection is the fault `reset_after_read`
    late_is_charged: bool = True
    webhook_url: str | None = None  # on this machine; told of jobs that are done
    webhook_key: str = "callback-key"
    webhook_times: Annotated[int, Field(ge=0, le=5)] = 1
    webhook_seconds: Annotated[float, Field(ge=0)] = 0.0  # how late it comes

    @field_validator("webhook_url")
    @classmethod
    def _stays_here(cls, url: str | None) -> str | None:
        if url is not None and urlsplit(url).hostname != "127.0.0.1":
            raise ValueError("the sandbox calls nobody but this machine")
        return url


@dataclass(slots=True)
class Job:
    """Work that was ordered, and how often it will still be called pending."""

    polls_left: int
    status: str
    address: str | None
    image_id: str
    size: tuple[int, int]


class LeonardoAccount(PlayedAccount[LeonardoSettings]):
    """Its books, its uploads and its jobs."""

    def reset(self) -> None:
        """Begin anew; settings stay."""
        with self.lock:
            super().reset()
            self.uploads = 0
            self.jobs: dict[str, Job] = {}
            self.signed: dict[str, tuple[float, str]] = {}
            """Ephemeral results: when their address dies, and its query."""
            self._slots: dict[str, float] = {}
            self._pictures: dict[str, bytes] = {}
            self._past_balances = deque([(0.0, self.balance)], maxlen=10_000)

    def change(self, patch: Mapping[str, Any]) -> None:
        """Change some settings."""
        with self.lock:
            super().change(patch)
            self._past_balances.append((time.monotonic(), self.balance))

    def snapshot(self) -> dict[str, Any]:
        """Settings and counters as plain data."""
        with self.lock:
            return super().snapshot() | {"uploads": self.uploads, "jobs": len(self.jobs)}

    def price(self, size: str) -> float:
        """Dollars for an image."""
        return self.settings.preview_price if size == "preview" else self.settings.price

    def charge(self, price: float, identity: str) -> None:
        """Take the price."""
        with self.lock:
            super().charge(price, identity)
            self._past_balances.append((time.monotonic(), self.balance))

    def told_tokens(self) -> int:
        """The balance as it was some seconds ago, in tokens."""
        with self.lock:
            then = time.monotonic() - self.settings.account_lag_seconds
            while len(self._past_balances) > 1 and self._past_balances[1][0] <= then:
                self._past_balances.popleft()
            return round(self._past_balances[0][1] / self.settings.usd_per_token)

    def open_slot(self) -> str:
        """Expect an upload; answers its id."""
        with self.lock:
            upload_id = str(uuid.uuid4())
            self._slots[upload_id] = time.time() + self.settings.init_image_seconds
            return upload_id

    def fill_slot(self, upload_id: str, content: bytes) -> None:
        """Take an upload in time; raises `Refused`."""
        with self.lock:
            if time.time() > self._slots.get(upload_id, 0.0):
                raise Refused(403, "Policy expired")
            self.uploads += 1
            self.keep(upload_id, content)

    def keep(self, picture_id: str, content: bytes) -> None:
        """Keep a picture that may be cut out; the oldest go when there is no more room."""
        with self.lock:
            self._pictures[picture_id] = content
            while sum(map(len, self._pictures.values())) > KEPT_BYTES:
                del self._pictures[next(iter(self._pictures))]

    def picture(self, picture_id: str) -> bytes | None:
        """An upload, or an image made before."""
        with self.lock:
            return self._pictures.get(picture_id)

    def forget(self, picture_id: str) -> None:
        """Delete an upload or a job."""
        with self.lock:
            self._pictures.pop(picture_id, None)
            self.jobs.pop(picture_id, None)

    def polled(self, job_id: str) -> tuple[Job, bool] | None:
        """A job and whether it is done; counts the look."""
        with self.lock:
            job = self.jobs.get(job_id)
            if job is None:
                return None
            job.polls_left -= 1
            return job, job.polls_left < 0
