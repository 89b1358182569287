"""A carrier that is down, or asks us to slow down, with the real adapter and a carrier behind a
proxy: what it is asked meanwhile, what it holds up, and what becomes of the texts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from outbound_sms.carriers.carrier import Accepted, Outcome, Submission, Throttled
from outbound_sms.carriers.sandbox.app import running
from outbound_sms.carriers.sandbox.config import SandboxConfig
from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig
from outbound_sms.sandbox_server import serving
from outbound_sms.store.pool import Pool
from tests.carriers.harness import ACCOUNT_SID, AUTH_TOKEN, Sandbox
from tests.dispatch.checks import check_history, statuses, until_settled
from tests.dispatch.failing_carrier import FailingCarrier
from tests.dispatch.queue_factory import fill_queue, phones
from tests.dispatch.running import QUICK, dispatching
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.waiting import wait_until

SETTINGS = replace(
    QUICK,
    workers=8,
    breaker_pauses=(0.1, 0.4),
    look_up_after=(0.2, 0.5, 1.0),
    doubt_limit=60.0,
)


# None that the sandbox treats in a way of its own.
HELD_UP = phones(100, start=100)


class WatchedTwilio(TwilioCarrier):
    """The adapter, and what came of each call: when it began, and its outcome."""

    def __init__(self, url: str) -> None:
        config = TwilioConfig("null", ACCOUNT_SID, AUTH_TOKEN, base_url=url)
        super().__init__(replace(config, total_timeout=0.6, connect_timeout=0.3))
        self.calls: list[tuple[float, Outcome]] = []

    async def submit(self, submission: Submission) -> Outcome:
        began = asyncio.get_running_loop().time()
        outcome = await super().submit(submission)
        self.calls.append((began, outcome))
        return outcome

    @property
    def failed(self) -> int:
        """Calls that were not answered."""
        return sum(not isinstance(outcome, Accepted) for _, outcome in self.calls)


@asynccontextmanager
async def adapter(url: str) -> AsyncIterator[WatchedTwilio]:
    carrier = WatchedTwilio(url)
    try:
        yield carrier
    finally:
        await carrier.close()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A carrier whose receipts never come."""
    config = SandboxConfig(ACCOUNT_SID, AUTH_TOKEN, receipt_delay=3600.0)
    credentials = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT_SID, AUTH_TOKEN)}
    async with (
        running(config) as url,
        aiohttp.ClientSession(headers=credentials) as session,
    ):
        yield Sandbox(url, session)


def breaker_is_open() -> bool:
    name = "outbound_sms_carrier_breaker_state"
    return REGISTRY.get_sample_value(name, {"carrier": "null"}) == 2


def swallow_requests(proxy: FaultProxy) -> None:
    proxy.requests.hang_after = 0


def swallow_responses(proxy: FaultProxy) -> None:
    proxy.responses.hang_after = 0


@pytest.mark.parametrize("fault", [None, swallow_requests, swallow_responses])
async def test_a_carrier_that_is_down_holds_up_nobody_else_and_loses_no_text(
    pool: Pool, sandbox: Sandbox, fault: Callable[[FaultProxy], None] | None
) -> None:
    held = await fill_queue(pool, 100, name="Held up", recipients=HELD_UP)
    other = FailingCarrier("other")
    async with fault_proxy(sandbox.url) as proxy, adapter(proxy.url) as carrier:
        if fault is None:
            await proxy.down()
        else:
            fault(proxy)
        async with dispatching(pool, carrier, other, settings=SETTINGS):
            await wait_until(breaker_is_open, 20, "the breaker opens")
            assert carrier.failed <= 20
            free = await fill_queue(pool, 300, name="Free", sender="+14165550199", carrier="other")

            async def free_is_done() -> bool:
                return await statuses(pool, free.mass_message_id) == {"sent": 300}

            await wait_until(free_is_done, 20, "the other instance is done")
            before = carrier.failed
            await wait_until(lambda: carrier.failed >= before + 4, 20, "it was tried several times")
            assert (await statuses(pool, held.mass_message_id)).keys() <= {"pending", "in progress"}
            await proxy.up()
            proxy.requests.hang_after = proxy.responses.hang_after = None
            await until_settled(pool)
    assert await statuses(pool, held.mass_message_id) == {"sent": 100}
    accepted = Counter(text["to"] for text in await sandbox.accepted())
    assert accepted == Counter(HELD_UP), "each text exactly once"
    assert other.accepted == Counter(phones(300))
    await check_history(pool)


@asynccontextmanager
async def throttling(texts_before: int) -> AsyncIterator[str]:
    """A carrier that answers one text with 429 and Retry-After, after some that it takes."""
    taken = 0

    async def take(_: web.Request) -> web.Response:
        nonlocal taken
        taken += 1
        if taken == texts_before + 1:
            return web.json_response({"code": 20429}, status=429, headers={"Retry-After": "2"})
        return web.json_response({"sid": f"SM{taken}"}, status=201)

    app = web.Application()
    app.router.add_post("/{any:.*}", take)
    async with serving(app, "127.0.0.1", 0) as url:
        yield url


@pytest.mark.parametrize("alone", [True, False])
async def test_a_carrier_that_says_retry_after_is_left_alone_for_that_time(
    pool: Pool, alone: bool
) -> None:
    queued = await fill_queue(pool, 300)
    if not alone:
        await pool.execute(
            "UPDATE sending_number SET route_carriers = ARRAY['null', 'other'], "
            "route_weights = ARRAY[50, 50], route_senders = ARRAY[NULL, NULL]"
        )
    other = FailingCarrier("other")
    loop = asyncio.get_running_loop()
    async with throttling(50) as url, adapter(url) as carrier:
        async with dispatching(pool, carrier, other, settings=replace(SETTINGS, workers=2)):
            await wait_until(lambda: carrier.failed, 10, "it says so")
            throttled_at = loop.time()
            await until_settled(pool)
        ended = loop.time()
    (throttled,) = [outcome for _, outcome in carrier.calls if not isinstance(outcome, Accepted)]
    assert isinstance(throttled, Throttled) and throttled.retry_after == 2.0
    assert not [at for at, _ in carrier.calls if throttled_at < at < throttled_at + 1.9]
    assert await statuses(pool, queued.mass_message_id) == {"sent": 300}
    attempts = await pool.fetch("SELECT outcome, count(*) FROM attempt GROUP BY 1")
    assert {row[0]: row[1] for row in attempts} == {1: 300, 3: 1}
    if alone:
        assert len([at for at, _ in carrier.calls if at >= throttled_at + 1.9]) >= 240
    else:
        assert ended - throttled_at < 1.9 and other.accepted.total() > 200
