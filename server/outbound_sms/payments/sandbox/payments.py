"""The payments that the sandbox knows: what tests believe of who was charged."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Payment:
    """One PaymentIntent. `amount` in the currency's smallest unit; `created` by the wall clock."""

    sequence: int
    amount: int
    currency: str
    customer: str | None
    payment_method: str | None
    metadata: dict[str, str]
    idempotency_key: str | None
    status: str
    error: dict[str, Any] | None = None
    id: str = field(default_factory=lambda: f"pi_{secrets.token_hex(12)}")
    created: float = field(default_factory=time.time)

    @property
    def charged(self) -> bool:
        """True when the payer has paid it."""
        return self.status == "succeeded"

    def record(self) -> dict[str, Any]:
        """The payment in the list for tests."""
        return {
            "id": self.id,
            "amount": self.amount,
            "currency": self.currency,
            "customer": self.customer,
            "payment_method": self.payment_method,
            "metadata": self.metadata,
            "idempotency_key": self.idempotency_key,
            "status": self.status,
            "charged": self.charged,
        }

    def resource(self) -> dict[str, Any]:
        """The payment as Stripe's API shows it."""
        return {
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": 0,
            "amount_received": self.amount if self.charged else 0,
            "canceled_at": None,
            "capture_method": "automatic",
            "client_secret": f"{self.id}_secret_sandbox",
            "confirmation_method": "automatic",
            "created": int(self.created),
            "currency": self.currency,
            "customer": self.customer,
            "description": None,
            "last_payment_error": self.error,
            "latest_charge": f"ch_{self.id[3:]}" if self.charged or self.error else None,
            "livemode": False,
            "metadata": self.metadata,
            "next_action": None,
            "payment_method": None if self.error else self.payment_method,
            "payment_method_types": ["card"],
            "status": self.status,
        }


class Payments:
    """The last `retained` payments by id."""

    def __init__(self, retained: int) -> None:
        self._retained = retained
        self._by_id: OrderedDict[str, Payment] = OrderedDict()
        self._made = 0

    def add(
        self,
        *,
        amount: int,
        currency: str,
        customer: str | None,
        payment_method: str | None,
        metadata: dict[str, str],
        idempotency_key: str | None,
        status: str,
    ) -> Payment:
        """Records a payment in a state."""
        self._made += 1
        payment = Payment(
            sequence=self._made,
            amount=amount,
            currency=currency,
            customer=customer,
            payment_method=payment_method,
            metadata=metadata,
            idempotency_key=idempotency_key,
            status=status,
        )
        self._by_id[payment.id] = payment
        if len(self._by_id) > self._retained:
            self._by_id.popitem(last=False)
        return payment

    def get(self, payment_id: str) -> Payment | None:
        """The payment with this id, or None."""
        return self._by_id.get(payment_id)

    def newest_first(self) -> Iterator[Payment]:
        """All of them."""
        return reversed(self._by_id.values())
