"""Dispatch over HTTP, every message durable, against a bare aiohttp loop to the same stub."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig
from outbound_sms.dispatch.dispatcher import Dispatcher
from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.store.pool import Pool, open_pool
from tests.bench.database import bench_server, empty
from tests.bench.result import Result, alternate, result
from tests.dispatch.queue_factory import fill_queue
from tests.waiting import wait_until

MESSAGES = 10_000
ROUNDS = 3
CONNECTIONS = 64
ACCOUNT, TOKEN = "AC" + "0" * 32, "token"
TEXT = "Northwind Fiber: we are working on an outage in your area. Reply STOP to unsubscribe."


async def run() -> list[Result]:
    """Messages a second from ready to Sent, and requests a second of the bare loop."""
    async with bench_server() as server, _stub() as url:
        dsn = server.dsn()

        async def ours() -> float:
            return await _dispatch(dsn, url)

        async def bare() -> float:
            return await _post(url)

        rates, bare_rates = await alternate(ROUNDS, ours, bare)
    return [result("dispatch_http", rates, "bare aiohttp POST loop", bare_rates, MESSAGES)]


@asynccontextmanager
async def _stub() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.http_stub", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.kill()
        await process.wait()


async def _post(url: str) -> float:
    address = f"{url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    headers = {"Authorization": aiohttp.encode_basic_auth(ACCOUNT, TOKEN)}
    numbers = iter(range(MESSAGES))

    async def loop(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            form = {"To": f"+1212{number:07}", "From": "+12025550199", "Body": TEXT}
            async with session.post(address, data=form) as response:
                assert (await response.json())["sid"]

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        started = time.perf_counter()
        await asyncio.gather(*(loop(session) for _ in range(CONNECTIONS)))
        return MESSAGES / (time.perf_counter() - started)


async def _dispatch(dsn: str, url: str) -> float:
    async with await open_pool(
        dsn,
        min_size=4,
        max_size=10,
        application_name="bench",
        statement_timeout_ms=60_000,
        index_plans=True,
    ) as pool:
        await empty(pool)
        await fill_queue(pool, MESSAGES, carrier="stub", text=TEXT)
        await pool.execute("VACUUM ANALYZE message, dispatch, status_event")
        carrier = TwilioCarrier(
            TwilioConfig(
                name="stub",
                base_url=url,
                account_sid=ACCOUNT,
                auth_token=TOKEN,
                connections=CONNECTIONS,
            )
        )
        settings = DispatchSettings(workers=CONNECTIONS)
        dispatcher = Dispatcher(
            pool, {"stub": carrier}, CallbackAddress("http://localhost", b"k" * 32), settings
        )
        stop = asyncio.Event()
        started = time.perf_counter()
        running = asyncio.create_task(dispatcher.run(stop))
        await wait_until(lambda: _nothing_outstanding(pool), 300, "all is sent")
        elapsed = time.perf_counter() - started
        stop.set()
        await running
        await carrier.close()
        sent = await pool.fetchval("SELECT count(*) FROM message WHERE status = 3")
        assert sent == MESSAGES
    return MESSAGES / elapsed


async def _nothing_outstanding(pool: Pool) -> bool:
    return not await pool.fetchval("SELECT EXISTS (SELECT 1 FROM dispatch)")
