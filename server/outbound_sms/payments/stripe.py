"""The adapter to Stripe's PaymentIntents and to what speaks its HTTP, our sandbox included.

What an answer means is decided in `stripe_answers`; what a broken call means, here.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
import structlog
from yarl import URL

from outbound_sms.guarded_request import TooLate, start_by
from outbound_sms.http_client import BEFORE_SENDING, open_session
from outbound_sms.payments import stripe_answers
from outbound_sms.payments.gateway import (
    Charge,
    ChargeOutcome,
    Declined,
    FindOutcome,
    NotCharged,
    NotFound,
    Paid,
    Processing,
    Unanswered,
)
from outbound_sms.payments.stripe_answers import IntentOutcome

_log = structlog.get_logger(__name__)

# The shape of requests and answers; an account's default would change them under us.
STRIPE_VERSION = "2026-10-28.endive"
_CONNECTIONS = 8
_MOST_FOUND = 100


@dataclass(frozen=True, slots=True)
class StripeConfig:
    """How to reach one account. Times in seconds; `connect_timeout` is less than `total_timeout`.

    Idempotency keys belong to the account: while top-ups are open, `api_key` may be replaced by
    another key of the same account, but not by one of another account or of the test mode.
    """

    api_key: str = field(repr=False)
    base_url: str = "https://api.stripe.com"
    total_timeout: float = 30.0
    connect_timeout: float = 3.0
    keepalive: float = 10.0


class StripeGateway:
    """A `PaymentGateway` over an HTTP session that the first call opens and `close` closes."""

    name = "stripe"

    def __init__(self, config: StripeConfig) -> None:
        self._config = config
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._intents_url = f"{config.base_url.rstrip('/')}/v1/payment_intents"

    @property
    def longest_call(self) -> float:
        return self._config.total_timeout

    async def charge(self, charge: Charge) -> ChargeOutcome:
        """POSTs once. aiohttp repeats no POST, and redirects are not followed.

        Stripe answers a repeated key with what it has stored, a 5xx or `processing` included, and
        that never changes. So after such an answer the payment itself is looked at.
        """
        if self._closed:
            return NotCharged("the gateway is closed")
        deadline = asyncio.get_running_loop().time() + self._config.total_timeout
        start_by.set(charge.start_by)
        try:
            async with self._opened().post(
                URL(self._intents_url, encoded=True),
                data=_encode(charge),
                headers={
                    "Idempotency-Key": str(charge.top_up_id),
                    "Content-Type": "application/x-www-form-urlencoded",
                },
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except TooLate:
            return NotCharged("it was too late for this key")
        except BEFORE_SENDING as error:
            return NotCharged(type(error).__name__)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            # The text of these errors may quote what the gateway sent: the class must do.
            return Unanswered(type(error).__name__)
        outcome = stripe_answers.classify_charge(response.status, body, charge)
        if response.headers.get("Idempotent-Replayed") == "true":
            return await self._now(charge, outcome, response.status, deadline)
        return outcome

    async def find(self, top_up_id: UUID) -> FindOutcome:
        """Searches by the top-up's id, then reads the state of what is not succeeded by its own id.

        Several found: one that succeeded counts, else one that may yet.
        """
        if self._closed:
            return Unanswered("the gateway is closed")
        try:
            async with asyncio.timeout(self._config.total_timeout):
                return await self._find(top_up_id)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Unanswered(type(error).__name__)

    async def close(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _now(
        self, charge: Charge, stored: ChargeOutcome, status: int, deadline: float
    ) -> ChargeOutcome:
        """What has become of a charge since Stripe stored its answer; `stored` when unknown."""
        if not isinstance(stored, Processing) and status < 500:
            return stored
        try:
            async with asyncio.timeout_at(deadline):
                if isinstance(stored, Processing):
                    found: FindOutcome = await self._read(stored, charge.top_up_id)
                else:
                    found = await self._find(charge.top_up_id)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return stored
        return stored if isinstance(found, NotFound | Unanswered) else found

    async def _find(self, top_up_id: UUID) -> FindOutcome:
        query = {"query": f"metadata['top_up_id']:'{top_up_id}'", "limit": str(_MOST_FOUND)}
        status, answer = await self._get(f"{self._intents_url}/search", query)
        data = answer.get("data")
        if status != 200 or not isinstance(data, list):
            return Unanswered(f"HTTP {status} to a search")
        found = [
            stripe_answers.classify_intent(intent, top_up_id)
            for intent in data
            if stripe_answers.is_of(intent, top_up_id)
        ]
        paid = [outcome.gateway_payment_id for outcome in found if isinstance(outcome, Paid)]
        if len(paid) > 1:
            _log.error("payment_charged_twice", top_up_id=str(top_up_id), gateway_payment_ids=paid)
        if paid:
            return Paid(paid[0])
        if answer.get("has_more") is True:
            return Unanswered("the search found too much")
        return _foremost([await self._read(outcome, top_up_id) for outcome in found])

    async def _read(self, found: IntentOutcome, top_up_id: UUID) -> IntentOutcome:
        """The payment as it is now; what found it may show it as it was a while ago."""
        if isinstance(found, Unanswered) or found.gateway_payment_id is None:
            return found
        status, answer = await self._get(f"{self._intents_url}/{found.gateway_payment_id}", {})
        if status != 200:
            return Unanswered(f"HTTP {status} to the reading of a payment")
        return stripe_answers.classify_intent(answer, top_up_id)

    async def _get(self, url: str, query: dict[str, str]) -> tuple[int, stripe_answers.Answer]:
        async with self._opened().get(url, params=query, allow_redirects=False) as response:
            return response.status, stripe_answers.decode(await response.read())

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            config = self._config
            self._session = open_session(
                connections=_CONNECTIONS,
                total_timeout=config.total_timeout,
                connect_timeout=config.connect_timeout,
                keepalive=config.keepalive,
                headers={
                    "Authorization": f"Bearer {config.api_key}",
                    "Stripe-Version": STRIPE_VERSION,
                },
            )
        return self._session


def _foremost(found: Sequence[IntentOutcome]) -> FindOutcome:
    for kind in (Paid, Processing, Unanswered, Declined):
        for outcome in found:
            if isinstance(outcome, kind):
                return outcome
    return NotFound()


def _encode(charge: Charge) -> bytes:
    form = {
        "amount": str(charge.cents),
        "currency": charge.currency.lower(),
        "payment_method": charge.payment_method,
        "confirm": "true",
        "off_session": "true",
        "error_on_requires_action": "true",
        # Without it Stripe wants an address to send the payer to, and there is no payer.
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "metadata[top_up_id]": str(charge.top_up_id),
        "metadata[amount_micros]": str(charge.amount_micros),
    }
    if charge.customer:
        form["customer"] = charge.customer
    return urlencode(form).encode("ascii")
