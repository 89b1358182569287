"""The sandbox gateway: a process that speaks the part of Stripe's HTTP that top-ups use."""

from contextlib import AbstractAsyncContextManager

from aiohttp import web

from outbound_sms.payments.sandbox.answers import NOT_FOUND, UNAUTHORISED
from outbound_sms.payments.sandbox.charges import Charges
from outbound_sms.payments.sandbox.config import SandboxConfig
from outbound_sms.payments.sandbox.control import Control
from outbound_sms.payments.sandbox.faults import Fault
from outbound_sms.payments.sandbox.idempotency import Keys
from outbound_sms.payments.sandbox.payments import Payments
from outbound_sms.payments.sandbox.reading import Reading
from outbound_sms.sandbox_faults import RequestedFaults
from outbound_sms.sandbox_server import make_app, serve_until_told, serving


def build_app(config: SandboxConfig) -> web.Application:
    """The application. What it knows is in memory, and is gone when it ends."""
    payments = Payments(config.retained)
    keys = Keys(config.key_seconds, config.retained)
    faults = RequestedFaults[Fault]()
    charges = Charges(config, payments, keys, faults)
    reading = Reading(config, payments)
    control = Control(payments, charges, keys, faults)
    routes = (
        ("POST", "/v1/payment_intents", charges.create),
        ("GET", "/v1/payment_intents/search", reading.search),
        ("GET", "/v1/payment_intents/{payment_id}", reading.get),
        ("GET", "/sandbox/payments", control.payments),
        ("GET", "/sandbox/statistics", control.statistics),
        ("POST", "/sandbox/faults", control.request_fault),
        ("DELETE", "/sandbox/faults", control.clear_faults),
    )
    return make_app(
        routes,
        authorization=f"Bearer {config.api_key}",
        unauthorised=UNAUTHORISED.response,
        not_found=NOT_FOUND.response,
    )


def running(config: SandboxConfig) -> AbstractAsyncContextManager[str]:
    """Serves until the block ends; gives the base URL, with the port that was found free."""
    return serving(build_app(config), config.host, config.port)


async def run(config: SandboxConfig) -> None:
    """Serves until SIGTERM or SIGINT, after one line `payments: http://HOST:PORT` when ready."""
    await serve_until_told("payments", build_app(config), config.host, config.port)
