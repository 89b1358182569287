"""What the dispatcher asks of a carrier, and the only answers that it may get.

A carrier's failures are values, never exceptions: the difference between "surely not sent" and
"nobody knows" decides whether a message may be sent again, so it has a type of its own.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Submission:
    """One text to hand to a carrier, once.

    `sender` and `recipient` are E.164; `sender` may also be what the carrier calls a sender pool.
    `segments` is what we expect the carrier to count. `attempt` counts from 1 for each message.
    Nothing may be written after `start_by`, seconds of `clock.lease_clock`: by then somebody else
    may have the message. An adapter checks it right before it writes, and answers `NotSent`.
    """

    message_id: UUID
    attempt: int
    sender: str
    recipient: str
    body: str
    segments: int
    valid_for_seconds: int | None = None
    status_callback_url: str | None = None
    start_by: float = float("inf")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The carrier has the message and will bill it. `segments`: its own count, when it says one.

    `parts`: the carrier's id of each part that it took, in order, where its receipts will name
    those and nothing else; empty where receipts come to an address of ours that names the attempt.
    """

    carrier_message_id: str
    segments: int | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier will never send this message. `reason` is a key of the reason taxonomy.

    `suppress`: the recipient has opted out at the carrier, so nothing more may be sent to it.
    """

    reason: str
    carrier_code: str
    suppress: bool = False


@dataclass(frozen=True, slots=True)
class Throttled:
    """Not accepted because of the rate, surely not sent: try again in `retry_after` seconds."""

    retry_after: float
    carrier_code: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """The carrier never saw a byte of it (no address, no connection): safe to send again."""

    cause: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Bytes were sent and no answer can be relied on: sending again may text the person twice."""

    cause: str


Outcome = Accepted | Refused | Throttled | NotSent | InDoubt


class ReceiptState(StrEnum):
    """What a carrier says of a message after it had accepted it."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    UNDELIVERED = "UNDELIVERED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One delivery receipt. `reason` (of the taxonomy) is there for UNDELIVERED and FAILED only.

    `recipient` (E.164) and `reference` (`domain.message_reference`) are what else it says of its
    message, where it comes by a session and not to an address of ours.
    """

    carrier_message_id: str
    state: ReceiptState
    reason: str | None = None
    carrier_code: str | None = None
    recipient: str | None = None
    reference: int | None = None


class MalformedReceipt(ValueError):
    """A signed callback that says nothing we can use. The text names the field, not its value."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a carrier's id stands for: part `part` of `parts` (from 1) of an attempt."""

    message_id: UUID
    attempt: int
    part: int
    parts: int


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text that somebody sent to a number of ours. `sender` and `recipient` are E.164."""

    carrier_message_id: str
    sender: str
    recipient: str
    body: str


class MalformedInbound(ValueError):
    """A signed callback that is no text of ours. The message names the field, not its value."""


@dataclass(frozen=True, slots=True)
class Found:
    """The carrier has exactly one message that fits; `state` is how far it has come."""

    carrier_message_id: str
    state: ReceiptState
    reason: str | None = None
    carrier_code: str | None = None
    segments: int | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """The carrier answered, and it has no message that fits."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The look-up failed, or several messages fit. Nothing may be concluded from it."""

    cause: str


LookUp = Found | NotFound | CannotTell


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a carrier can do.

    `lookup`: `look_up` works. `idempotency_key`: submitting the same message and attempt again is
    safe. `receipts`: status callbacks arrive. `calls`: submissions that may be open at a time; one
    more would wait inside the adapter, where its lease can run out unseen. `longest_call`: seconds
    after which `submit` has answered, whatever happens.
    """

    lookup: bool
    idempotency_key: bool
    receipts: bool
    calls: int
    longest_call: float


class Carrier(Protocol):
    """Whoever takes messages from us. One object a process; every method may run concurrently."""

    @property
    def name(self) -> str:
        """The name in the configuration, by which sending numbers refer to it."""

    @property
    def capabilities(self) -> Capabilities:
        """What this carrier supports, as configured."""

    async def submit(self, submission: Submission) -> Outcome:
        """Offers the message to the carrier exactly once, without retries.

        Returns an outcome for whatever the network or the carrier does, and raises nothing for it.
        A caller that cancels the call must treat the message as in doubt.
        """

    async def look_up(
        self,
        *,
        sender: str,
        recipient: str,
        body: str,
        not_before: datetime,
        known_ids: AbstractSet[str],
    ) -> LookUp:
        """Asks whether the carrier has a message that an unanswered `submit` may have left there.

        `not_before` is the aware time of the intent to submit; `known_ids` are carrier message ids
        that already belong to other messages of ours. Raises nothing for what the network does.
        """

    async def close(self) -> None:
        """Closes the connections. Submissions after it answer `NotSent`."""


@dataclass(frozen=True, slots=True)
class Callback:
    """An HTTP request of a carrier. Names of `headers` are in lower case.

    `url` is the public address that the carrier was given, query included.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes


@runtime_checkable
class CallbackCarrier(Carrier, Protocol):
    """A carrier that calls addresses of ours, with receipts and with texts to our numbers."""

    def verify(self, callback: Callback) -> bool:
        """True when the callback was signed with a secret that the carrier and we have, and is not
        too old where the signature says when it was made. Never raises for hostile input."""

    def parse_receipt(self, callback: Callback) -> Receipt:
        """Reads a status callback. Raises `MalformedReceipt` when it says nothing usable."""

    def parse_inbound(self, callback: Callback) -> Inbound:
        """Reads a callback with a text to a number of ours. Raises `MalformedInbound`."""


class NotTaken(Exception):
    """What arrived could not be stored: the carrier is to be told to bring it again later."""


class Arrivals(Protocol):
    """Where a connected carrier puts what its connection brings.

    Both return when it is stored for good, so that the carrier may be told so, and raise `NotTaken`
    when it is not. What has come before changes nothing.
    """

    async def receipt(self, carrier: str, receipt: Receipt, submitted: Submitted | None) -> None:
        """Takes a receipt; `submitted`: what its id stands for, where the adapter remembers it."""

    async def text(self, carrier: str, inbound: Inbound) -> None:
        """Takes a text to a number of ours."""


@runtime_checkable
class ConnectedCarrier(Carrier, Protocol):
    """A carrier that is reached by connections that stay, which also bring receipts and texts."""

    def connect(self, arrivals: Arrivals) -> None:
        """Begins to keep itself connected, until `close`. Before it, submissions are `NotSent`."""
