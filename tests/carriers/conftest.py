"""The sandbox, the adapter to it, and its callbacks as fixtures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web

from outbound_sms.carriers.carrier import Submission
from outbound_sms.carriers.sandbox.app import running
from outbound_sms.carriers.sandbox.config import SandboxConfig
from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig
from outbound_sms.sandbox_server import serving
from tests.carriers.harness import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    CallbackReceiver,
    Connect,
    MakeSubmission,
    RunSandbox,
    Sandbox,
)


@pytest.fixture
async def callback_receiver() -> AsyncIterator[CallbackReceiver]:
    receiver = CallbackReceiver()
    app = web.Application()
    app.router.add_post("/receipts", receiver.handle)
    async with serving(app, "127.0.0.1", 0) as url:
        receiver.url = f"{url}/receipts"
        yield receiver


@pytest.fixture
def run_sandbox() -> RunSandbox:
    """Starts a sandbox of the test's own: `async with run_sandbox(latency=0.1) as sandbox`."""

    @asynccontextmanager
    async def run(**settings: Any) -> AsyncIterator[Sandbox]:
        config = SandboxConfig(ACCOUNT_SID, AUTH_TOKEN, receipt_delay=0.0, callback_backoff=0.01)
        credentials = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
        async with (
            running(replace(config, **settings)) as url,
            aiohttp.ClientSession(headers=credentials) as session,
        ):
            yield Sandbox(url, session)

    return run


@pytest.fixture
async def sandbox(run_sandbox: RunSandbox) -> AsyncIterator[Sandbox]:
    async with run_sandbox() as started:
        yield started


@asynccontextmanager
async def carrier_to(base_url: str, **settings: Any) -> AsyncIterator[TwilioCarrier]:
    """An adapter with short time-outs, closed at the end."""
    defaults: dict[str, Any] = {"total_timeout": 5.0, "connect_timeout": 2.0}
    config = TwilioConfig("test", ACCOUNT_SID, AUTH_TOKEN, base_url=base_url)
    carrier = TwilioCarrier(replace(config, **(defaults | settings)))
    try:
        yield carrier
    finally:
        await carrier.close()


@pytest.fixture
def connect() -> Connect:
    """Opens an adapter: `async with connect(url, total_timeout=0.3) as carrier`."""
    return carrier_to


@pytest.fixture
async def carrier(sandbox: Sandbox) -> AsyncIterator[TwilioCarrier]:
    async with carrier_to(sandbox.url) as connected:
        yield connected


@pytest.fixture
def submission() -> MakeSubmission:
    """Makes a submission; every field has a default."""

    def make(**changes: Any) -> Submission:
        made = Submission(
            message_id=uuid4(),
            attempt=1,
            sender="+12125550100",
            recipient="+14165550123",
            body="Planned work on your line tonight.",
            segments=1,
        )
        return replace(made, **changes)

    return make
