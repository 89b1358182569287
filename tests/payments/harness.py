"""A sandbox gateway, one that answers as it is told, and the adapter to either."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import aiohttp
from aiohttp import web

from outbound_sms.payments.gateway import Charge
from outbound_sms.payments.stripe import StripeConfig, StripeGateway

API_KEY = "sk_test_a-test-key"

Connect = Callable[..., AbstractAsyncContextManager[StripeGateway]]


def make_charge(payment_method: str = "pm_card_visa", **changes: Any) -> Charge:
    """A charge of 25.00 dollars with an id of its own."""
    fields: dict[str, Any] = {
        "top_up_id": uuid4(),
        "amount_micros": 25_000_000,
        "currency": "USD",
        "customer": "cus_northwind",
        "payment_method": payment_method,
    }
    return Charge(**fields | changes)


def intent(charge: Charge, status: str = "succeeded", **changes: Any) -> dict[str, Any]:
    """A PaymentIntent for the charge, as Stripe would show it."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": charge.cents,
        "amount_received": charge.cents if status == "succeeded" else 0,
        "currency": charge.currency.lower(),
        "metadata": {
            "top_up_id": str(charge.top_up_id),
            "amount_micros": str(charge.amount_micros),
        },
        "status": status,
        "last_payment_error": None,
    } | changes


@asynccontextmanager
async def gateway_to(base_url: str, **settings: Any) -> AsyncIterator[StripeGateway]:
    """An adapter with short time-outs, closed at the end."""
    defaults: dict[str, Any] = {"total_timeout": 5.0, "connect_timeout": 2.0}
    gateway = StripeGateway(StripeConfig(API_KEY, base_url, **(defaults | settings)))
    try:
        yield gateway
    finally:
        await gateway.close()


@dataclass
class Sandbox:
    """A running sandbox and an HTTP session that is logged in to it."""

    url: str
    session: aiohttp.ClientSession

    async def get(self, path: str) -> dict[str, Any]:
        async with self.session.get(self.url + path) as response:
            assert response.status == 200, await response.text()
            answer: dict[str, Any] = await response.json()
            return answer

    async def post(self, form: dict[str, str], key: str | None = None) -> tuple[int, Any, bool]:
        """POSTs a PaymentIntent; gives status, body, and whether the answer was a stored one."""
        headers = {} if key is None else {"Idempotency-Key": key}
        async with self.session.post(
            f"{self.url}/v1/payment_intents", data=form, headers=headers
        ) as response:
            replayed = response.headers.get("Idempotent-Replayed") == "true"
            return response.status, await response.json(), replayed

    async def charged(self, top_up_id: UUID | None = None) -> list[dict[str, Any]]:
        """The payments that the payer has paid."""
        payments = (await self.get("/sandbox/payments"))["payments"]
        return [
            payment
            for payment in payments
            if payment["charged"]
            and (top_up_id is None or payment["metadata"]["top_up_id"] == str(top_up_id))
        ]

    async def request_fault(self, **wanted: object) -> int:
        async with self.session.post(f"{self.url}/sandbox/faults", json=wanted) as response:
            return response.status


RunSandbox = Callable[..., AbstractAsyncContextManager[Sandbox]]


@dataclass
class Canned:
    """Answers the requests in turn with what it was given, the last one again and again."""

    answers: list[web.Response | dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        self.requests.append((request.method, request.path_qs, dict(request.headers), body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, dict):
            return web.json_response(answer)
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers)
