"""The sandbox gateway: a process that speaks the part of Stripe's HTTP that top-ups use."""

import asyncio
import hmac
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from outbound_sms.payments.sandbox.answers import NOT_FOUND, UNAUTHORISED
from outbound_sms.payments.sandbox.charges import Charges
from outbound_sms.payments.sandbox.config import SandboxConfig
from outbound_sms.payments.sandbox.control import Control
from outbound_sms.payments.sandbox.faults import FaultScript
from outbound_sms.payments.sandbox.idempotency import Keys
from outbound_sms.payments.sandbox.payments import Payments
from outbound_sms.payments.sandbox.reading import Reading

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MAX_REQUEST = 64 * 1024
# Answers that are late on purpose must not hold up the end.
_SHUTDOWN_SECONDS = 0.2


def build_app(config: SandboxConfig) -> web.Application:
    """The application. What it knows is in memory, and is gone when it ends."""
    payments = Payments(config.retained)
    keys = Keys(config.key_seconds, config.retained)
    faults = FaultScript()
    charges = Charges(config, payments, keys, faults)
    reading = Reading(config, payments)
    control = Control(payments, charges, keys, faults)
    app = web.Application(client_max_size=_MAX_REQUEST)
    authenticated = _authenticator(config)
    for method, path, handler in (
        ("POST", "/v1/payment_intents", charges.create),
        ("GET", "/v1/payment_intents/search", reading.search),
        ("GET", "/v1/payment_intents/{payment_id}", reading.get),
        ("GET", "/sandbox/payments", control.payments),
        ("GET", "/sandbox/statistics", control.statistics),
        ("POST", "/sandbox/faults", control.request_fault),
        ("DELETE", "/sandbox/faults", control.clear_faults),
        ("*", "/{any:.*}", _not_found),
    ):
        app.router.add_route(method, path, authenticated(handler))
    return app


@asynccontextmanager
async def running(config: SandboxConfig) -> AsyncIterator[str]:
    """Serves until the block ends; gives the base URL, with the port that was found free."""
    runner = web.AppRunner(build_app(config), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, config.host, config.port, reuse_address=True).start()
        host, port = runner.addresses[0][:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def run(config: SandboxConfig) -> None:
    """Serves until SIGTERM or SIGINT, after one line `payments: http://HOST:PORT` when ready."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    async with running(config) as url:
        sys.stdout.write(f"payments: {url}\n")
        sys.stdout.flush()
        await stop.wait()


def _authenticator(config: SandboxConfig) -> Callable[[Handler], Handler]:
    expected = f"Bearer {config.api_key}".encode()

    def authenticated(handler: Handler) -> Handler:
        async def check(request: web.Request) -> web.StreamResponse:
            given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
            if not hmac.compare_digest(given, expected):
                return UNAUTHORISED.response()
            return await handler(request)

        return check

    return authenticated


async def _not_found(request: web.Request) -> web.StreamResponse:
    return NOT_FOUND.response()
