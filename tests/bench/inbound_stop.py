"""STOP texts of different subscribers, against a bare aiohttp handler that inserts one row."""

import asyncio
import itertools
import time
from collections.abc import Iterator

from outbound_sms.dispatch.expand import expand_once
from outbound_sms.store.pool import Pool, open_pool
from tests.bench.database import bench_server
from tests.bench.fires import percentile
from tests.bench.result import Result, alternate, result
from tests.bench.webhook_calls import Connection, connections, encode_call
from tests.bench.webhook_process import CARRIER, INSERT_TABLE, TOKEN, bare, product
from tests.dispatch.queue_factory import fill_queue, phones
from tests.factories import add_mass_message, add_subscribers, make_isp, phone
from tests.feed.writer import change

CALLERS = 16
SECONDS = 3.0
ROUNDS = 3
SUBSCRIBERS = 20_000
OTHERS = 20_000
# Numbers that no subscriber here has.
SENDER, OTHER_SENDER = "+16465550100", "+16465550101"


async def run() -> list[Result]:
    """Texts a second of both, from as many callers over a connection each.

    Each number is an opted-in subscriber's whose last text was delivered, so a STOP writes the text
    received, the suppression, the opt-in cleared, its consent event, and the confirmation with its
    status event and place in the queue, where texts to others wait. Dispatch is left to another
    process that does not run here.
    """
    async with bench_server() as database:
        pool = await open_pool(
            database.dsn(),
            min_size=1,
            max_size=2,
            application_name="bench",
            statement_timeout_ms=60_000,
        )
        async with pool:
            await _fill(pool)
            await pool.execute(INSERT_TABLE)
            async with (
                product(database.dsn(), "webhooks") as url,
                bare(database.dsn()) as bare_url,
                connections(url, CALLERS) as to_product,
                connections(bare_url, CALLERS) as to_bare,
            ):
                ours, theirs = _Callers(to_product, url), _Callers(to_bare, bare_url)
                rates, bare_rates = await alternate(ROUNDS, ours.rate, theirs.rate)
            await _check(pool, ours.made)
    line = result(
        "inbound_stop", rates, "bare one-row INSERT for each POST", bare_rates, len(ours.seconds)
    )
    return [
        {
            **line,
            "p50_ms": percentile(ours.seconds, 0.5),
            "p99_ms": percentile(ours.seconds, 0.99),
            "baseline_p50_ms": percentile(theirs.seconds, 0.5),
            "baseline_p99_ms": percentile(theirs.seconds, 0.99),
        }
    ]


async def _fill(pool: Pool) -> None:
    isp = await make_isp(pool, sender=SENDER)
    await add_subscribers(pool, isp, SUBSCRIBERS)
    await pool.execute("VACUUM ANALYZE")
    await add_mass_message(pool, isp)
    while await expand_once(pool):
        pass
    texts = [row["id"] for row in await pool.fetch("SELECT id FROM message ORDER BY id")]
    assert len(texts) == SUBSCRIBERS
    await pool.execute("TRUNCATE dispatch")
    for status in (2, 3, 4):
        await change(pool, texts, status)
    await fill_queue(
        pool,
        OTHERS,
        name="Another",
        sender=OTHER_SENDER,
        carrier=CARRIER,
        recipients=phones(OTHERS, start=10_000),
    )
    await pool.execute("VACUUM ANALYZE")


async def _check(pool: Pool, stops: int) -> None:
    """Every STOP was carried out and is confirmed, and nothing else was touched."""
    made = await pool.fetchrow(
        "SELECT (SELECT count(*) FROM suppression) AS suppressed,"
        " (SELECT count(*) FROM phone_number WHERE cleared_by_stop) AS cleared,"
        " (SELECT count(*) FROM consent_event) AS recorded,"
        " (SELECT count(*) FROM inbound_message) AS stored,"
        " (SELECT count(*) FROM dispatch) AS waiting"
    )
    assert made is not None
    assert tuple(made) == (stops, stops, stops, stops, stops + OTHERS), made


class _Callers:
    """Callers that each wait for an answer before they call again; `seconds` are of all calls of
    the last round, `made` counts those of all."""

    def __init__(self, opened: list[Connection], url: str) -> None:
        self._opened = opened
        self._calls = self._encode(f"{url}/inbound/{CARRIER}")
        self.seconds: list[float] = []
        self.made = 0

    async def rate(self) -> float:
        """Texts a second, after a moment to warm up."""
        await self._call_for(0.5)
        self.seconds.clear()
        await self._call_for(SECONDS)
        return len(self.seconds) / SECONDS

    async def _call_for(self, seconds: float) -> None:
        ends = time.perf_counter() + seconds

        async def work(connection: Connection) -> None:
            while (started := time.perf_counter()) < ends:
                assert await connection.call(next(self._calls)) == 200
                self.made += 1
                self.seconds.append(time.perf_counter() - started)

        await asyncio.gather(*(work(connection) for connection in self._opened))

    @staticmethod
    def _encode(address: str) -> Iterator[bytes]:
        """A STOP of each subscriber. Those of the bare server go round again."""
        calls = []
        for number in range(SUBSCRIBERS):
            form = {
                "AccountSid": "AC" + "0" * 32,
                "ApiVersion": "2010-04-01",
                "Body": "STOP",
                "From": phone(number),
                "MessageSid": f"SM{number:032}",
                "NumMedia": "0",
                "NumSegments": "1",
                "SmsStatus": "received",
                "To": SENDER,
            }
            calls.append(encode_call(address, form, TOKEN))
        return itertools.cycle(calls)
