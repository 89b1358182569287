"""An SMSC in its own process, and the adapter to it, bound."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from outbound_sms.carriers.smpp.carrier import SmppCarrier
from outbound_sms.carriers.smpp.configuration import SmppConfig
from tests.carriers.smpp.collected import Collected
from tests.carriers.smpp.npm_smsc import NpmSmsc, running_smsc
from tests.waiting import wait_until

Bound = Callable[..., AbstractAsyncContextManager[SmppCarrier]]


@pytest.fixture(scope="session")
async def running_npm_smsc() -> AsyncIterator[NpmSmsc]:
    async with running_smsc() as running:
        yield running


@pytest.fixture
async def smsc(running_npm_smsc: NpmSmsc) -> NpmSmsc:
    """The one process of all tests, as if it had just been started."""
    await running_npm_smsc.command(reset=True)
    running_npm_smsc.events.clear()
    return running_npm_smsc


@pytest.fixture
def arrivals() -> Collected:
    return Collected()


@pytest.fixture
def bound(smsc: NpmSmsc, arrivals: Collected) -> Bound:
    """A carrier that is bound to `smsc`: `async with bound(window=2) as carrier`."""

    @asynccontextmanager
    async def connected(**settings: Any) -> AsyncIterator[SmppCarrier]:
        defaults = {"reconnect_first": 0.05, "throttle_first": 0.1, "throttle_most": 0.4}
        config = SmppConfig("smsc", "127.0.0.1", "northwind", "secret12", port=smsc.port)
        carrier = SmppCarrier(replace(config, **(defaults | settings)))
        carrier.connect(arrivals)
        try:
            await wait_until(lambda: carrier.bound == carrier_binds(settings), describe="bound")
            yield carrier
        finally:
            await carrier.close()

    return connected


def carrier_binds(settings: dict[str, Any]) -> int:
    """How many binds are asked for."""
    return int(settings.get("binds", 1))
