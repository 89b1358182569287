"""The sandbox carrier: a process that speaks Twilio's HTTP and texts nobody."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import partial

import aiohttp
from aiohttp import web

from outbound_sms.carriers.sandbox.callbacks import CallbackSender
from outbound_sms.carriers.sandbox.config import SandboxConfig
from outbound_sms.carriers.sandbox.control import Control
from outbound_sms.carriers.sandbox.faults import FaultScript
from outbound_sms.carriers.sandbox.inbound import InboundTexts
from outbound_sms.carriers.sandbox.listing import Listing
from outbound_sms.carriers.sandbox.messages import MessageIndex
from outbound_sms.carriers.sandbox.recipients import Refusal
from outbound_sms.carriers.sandbox.submissions import Submissions, error_response
from outbound_sms.sandbox_server import make_app, serve_until_told, serving

_UNAUTHORISED = Refusal(401, 20003, "Authenticate")
_NOT_FOUND = Refusal(404, 20404, "The requested resource was not found")


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
    inbound = InboundTexts(config, messages)

    async def lifespan(app: web.Application) -> AsyncIterator[None]:
        callbacks.start()
        yield
        await callbacks.close()
        await inbound.close()
        messages.close()

    account = f"/2010-04-01/Accounts/{config.account_sid}"
    routes = (
        ("POST", f"{account}/Messages.json", submissions.create),
        ("GET", f"{account}/Messages.json", listing.list_messages),
        ("GET", account + "/Messages/{message_sid}.json", listing.get_message),
        ("POST", "/control/faults", control.request_fault),
        ("DELETE", "/control/faults", control.clear_faults),
        ("GET", "/control/accepted", control.accepted),
        ("GET", "/control/statistics", control.statistics),
        ("POST", "/sandbox/inbound", inbound.create),
    )
    app = make_app(
        routes,
        authorization=aiohttp.encode_basic_auth(config.account_sid, config.auth_token),
        unauthorised=partial(error_response, _UNAUTHORISED),
        not_found=partial(error_response, _NOT_FOUND),
    )
    app.cleanup_ctx.append(lifespan)
    return app


def running(config: SandboxConfig) -> AbstractAsyncContextManager[str]:
    """Serves until the block ends; gives the base URL, with the port that was found free."""
    return serving(build_app(config), config.host, config.port)


async def run(config: SandboxConfig) -> None:
    """Serves until SIGTERM or SIGINT, after one line `sandbox: http://HOST:PORT` when ready."""
    await serve_until_told("sandbox", build_app(config), config.host, config.port)
