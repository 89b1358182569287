"""The sandbox carrier: a process that speaks Twilio's HTTP and texts nobody."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from outbound_sms.carriers.sandbox.callbacks import CallbackSender
from outbound_sms.carriers.sandbox.config import SandboxConfig
from outbound_sms.carriers.sandbox.control import Control
from outbound_sms.carriers.sandbox.faults import FaultScript
from outbound_sms.carriers.sandbox.listing import Listing
from outbound_sms.carriers.sandbox.messages import MessageIndex
from outbound_sms.carriers.sandbox.recipients import Refusal
from outbound_sms.carriers.sandbox.submissions import Submissions, error_response

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_UNAUTHORISED = Refusal(401, 20003, "Authenticate")
_NOT_FOUND = Refusal(404, 20404, "The requested resource was not found")
_MAX_REQUEST = 64 * 1024
# Answers that are late on purpose must not hold up the end.
_SHUTDOWN_SECONDS = 0.2


def build_app(config: SandboxConfig) -> web.Application:
    """The application; its callbacks are sent while it runs, and stop with it.

    Raises ValueError when the account id is not made of letters and digits, and OSError when the
    accept log cannot be opened.
    """
    if not config.account_sid.isalnum():
        raise ValueError("account_sid: must be letters and digits only")
    messages = MessageIndex(config.retained, config.accept_log)
    callbacks = CallbackSender(config)
    faults = FaultScript(config.faults)
    submissions = Submissions(config, messages, callbacks, faults)
    listing = Listing(config.account_sid, messages)
    control = Control(messages, submissions, callbacks, faults)

    async def lifespan(app: web.Application) -> AsyncIterator[None]:
        callbacks.start()
        yield
        await callbacks.close()
        messages.close()

    app = web.Application(client_max_size=_MAX_REQUEST)
    app.cleanup_ctx.append(lifespan)
    account = f"/2010-04-01/Accounts/{config.account_sid}"
    authenticated = _authenticator(config)
    for method, path, handler in (
        ("POST", f"{account}/Messages.json", submissions.create),
        ("GET", f"{account}/Messages.json", listing.list_messages),
        ("GET", account + "/Messages/{message_sid}.json", listing.get_message),
        ("POST", "/control/faults", control.request_fault),
        ("DELETE", "/control/faults", control.clear_faults),
        ("GET", "/control/accepted", control.accepted),
        ("GET", "/control/statistics", control.statistics),
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
    """Serves until SIGTERM or SIGINT, after one line `sandbox: http://HOST:PORT` when ready."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    async with running(config) as url:
        sys.stdout.write(f"sandbox: {url}\n")
        sys.stdout.flush()
        await stop.wait()


def _authenticator(config: SandboxConfig) -> Callable[[Handler], Handler]:
    expected = aiohttp.encode_basic_auth(config.account_sid, config.auth_token)

    def authenticated(handler: Handler) -> Handler:
        async def check(request: web.Request) -> web.StreamResponse:
            if request.headers.get("Authorization") != expected:
                return error_response(_UNAUTHORISED)
            return await handler(request)

        return check

    return authenticated


async def _not_found(request: web.Request) -> web.StreamResponse:
    return error_response(_NOT_FOUND)
