"""A worker that is frozen past its lease, and then goes on as if nothing had happened."""

import re
import signal
from pathlib import Path

import pytest
from aiohttp import ClientSession

from outbound_sms.store.pool import Pool
from tests.dispatch.checks import check_history, queue_is_empty, statuses
from tests.dispatch.queue_factory import fill_queue, phones
from tests.e2e.fleet import fleet_of
from tests.waiting import wait_until

MESSAGES = 60
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def metric(url: str, name: str) -> float:
    """The value of a metric without labels."""
    async with ClientSession() as session, session.get(f"{url}/metrics") as response:
        found = re.search(rf"^{name} (\S+)$", await response.text(), re.MULTILINE)
    return float(found[1]) if found else 0.0


async def test_the_late_writes_of_a_frozen_worker_change_nothing(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    queued = await fill_queue(
        pool, MESSAGES, carrier="sandbox", recipients=phones(MESSAGES, start=1_000)
    )
    async with fleet_of(database_url, tmp_path) as fleet:
        await fleet.start_carrier("--latency", "0.5", "--receipt-delay", "30", lookup=True)
        frozen = fleet.server("dispatcher")
        url = (await frozen.start("http"))["http"]

        async def handing_over() -> bool:
            count = await pool.fetchval(
                "SELECT count(*) FROM dispatch WHERE submitting_time IS NOT NULL"
            )
            return bool(count >= 20 and len(fleet.accepted()) >= 8)

        await wait_until(handing_over, 20, "some messages are accepted and not yet answered")
        frozen.signal(signal.SIGSTOP)
        other = fleet.server("dispatcher")
        await other.start("http")
        await wait_until(lambda: queue_is_empty(pool), 60, "the others have settled everything")
        before = await pool.fetch("SELECT id, status, version FROM message ORDER BY id")
        frozen.signal(signal.SIGCONT)

        async def fenced() -> bool:
            return await metric(url, "outbound_sms_fenced_write_total") > 0

        await wait_until(fenced, 20, "a late write was refused")
        assert await pool.fetch("SELECT id, status, version FROM message ORDER BY id") == before
        accepted = fleet.accepted()
    assert set(accepted.values()) == {1} and len(accepted) == MESSAGES
    assert await statuses(pool, queued.mass_message_id) == {"sent": MESSAGES}
    await check_history(pool)
