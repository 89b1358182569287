"""What a top-up asks of a payment gateway, and the only answers that it may get.

A gateway's failures are values, never exceptions: the difference between "surely not charged" and
"nobody knows" decides what may be done next, so it has a type of its own. Money is in micros.
"""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

_MICROS_PER_CENT = 10_000


@dataclass(frozen=True, slots=True)
class Charge:
    """One top-up to charge. `top_up_id` is the idempotency key: the gateway charges it once.

    The same id must come with the same other fields each time. `amount_micros` is of whole cents,
    a multiple of 10,000, and positive: anything else raises ValueError. `currency` is ISO 4217 in
    upper case; `customer` and `payment_method` are the gateway's ids. Nothing may be written after
    `start_by`, seconds of `clock.lease_clock`: by then the gateway may have forgotten the key, and
    would charge again. An adapter checks it right before it writes, and answers `NotCharged`.
    """

    top_up_id: UUID
    amount_micros: int
    currency: str
    customer: str = field(repr=False)
    payment_method: str = field(repr=False)
    start_by: float = float("inf")

    def __post_init__(self) -> None:
        if self.amount_micros <= 0 or self.amount_micros % _MICROS_PER_CENT:
            raise ValueError("amount_micros: must be positive and of whole cents")

    @property
    def cents(self) -> int:
        """The amount in hundredths of the currency's unit."""
        return self.amount_micros // _MICROS_PER_CENT


@dataclass(frozen=True, slots=True)
class Paid:
    """The whole amount was charged, in this call or in an earlier one with the same id. Final."""

    gateway_payment_id: str


@dataclass(frozen=True, slots=True)
class Declined:
    """Nothing was charged for this id and nothing will be, whatever is asked again. Final.

    `code` is the gateway's own, for example `insufficient_funds` of a card or `resource_missing` of
    a payment method that it does not know. `gateway_payment_id`: when it has recorded the attempt.
    """

    code: str
    gateway_payment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Bytes were sent and no answer can be relied on: it may have been charged.

    Ask again with the same id, which charges once. Once the id was first used more than 23 hours
    ago, `find` must be asked instead: gateways forget keys after 24, and would charge again.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class NotCharged:
    """This call charged nothing, and it is not the payer's fault: ask again later, same id.

    No connection, an API key that is not accepted, too many requests. It says nothing about earlier
    calls with the same id: after an `Unanswered` the top-up is still open.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Processing:
    """The gateway has taken the charge and does not know its end yet: ask again later, same id."""

    gateway_payment_id: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """The gateway answered, and its search has no payment for this id.

    A search may lag behind by a minute, and by an hour when the gateway has trouble. So it proves
    that nothing was charged only when the last `charge` was more than an hour ago.
    """


ChargeOutcome = Paid | Declined | Unanswered | NotCharged | Processing
FindOutcome = Paid | Declined | Processing | NotFound | Unanswered


class PaymentGateway(Protocol):
    """Whoever charges payers for us. One object a process; every method may run concurrently."""

    @property
    def name(self) -> str:
        """Which gateway it is, for logs."""

    @property
    def longest_call(self) -> float:
        """Seconds after which `charge` and `find` have answered, whatever happens."""

    async def charge(self, charge: Charge) -> ChargeOutcome:
        """Charges once for each `top_up_id`, however often it is asked within 23 hours.

        Asks the gateway once, without retries. Returns an outcome for whatever the network or the
        gateway does, and raises nothing for it. A caller that cancels the call must treat it as
        `Unanswered`.
        """

    async def find(self, top_up_id: UUID) -> FindOutcome:
        """What became of the charges with this id; charges nothing. `Unanswered`: cannot tell."""

    async def close(self) -> None:
        """Closes the connections. Charges after it answer `NotCharged`."""
