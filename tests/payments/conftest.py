"""The sandbox gateway and the adapter to it as fixtures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from outbound_sms.payments.sandbox.app import running
from outbound_sms.payments.sandbox.config import SandboxConfig
from outbound_sms.payments.stripe import StripeGateway
from outbound_sms.sandbox_server import serving
from tests.payments.harness import API_KEY, Canned, Connect, RunSandbox, Sandbox, gateway_to


@pytest.fixture
def run_sandbox() -> RunSandbox:
    """Starts a sandbox of the test's own: `async with run_sandbox(latency=0.1) as sandbox`."""

    @asynccontextmanager
    async def run(**settings: Any) -> AsyncIterator[Sandbox]:
        credentials = {"Authorization": f"Bearer {API_KEY}"}
        async with (
            running(replace(SandboxConfig(API_KEY), **settings)) as url,
            aiohttp.ClientSession(headers=credentials) as session,
        ):
            yield Sandbox(url, session)

    return run


@pytest.fixture
async def sandbox(run_sandbox: RunSandbox) -> AsyncIterator[Sandbox]:
    async with run_sandbox() as started:
        yield started


@pytest.fixture
def connect() -> Connect:
    """Opens an adapter: `async with connect(url, total_timeout=0.3) as gateway`."""
    return gateway_to


@pytest.fixture
async def gateway(sandbox: Sandbox) -> AsyncIterator[StripeGateway]:
    async with gateway_to(sandbox.url) as connected:
        yield connected


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    """A gateway that answers as it is told."""
    answering = Canned()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answering.handle)
    async with serving(app, "127.0.0.1", 0) as answering.url:
        yield answering
