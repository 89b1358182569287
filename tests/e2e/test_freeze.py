"""A worker that is frozen past its lease, and then goes on as if nothing had happened."""

import re
import signal
from pathlib import Path

import pytest
from aiohttp import ClientSession

from outbound_sms.store.pool import Pool
from tests.dispatch.checks import check_history, queue_is_empty, statuses
from tests.dispatch.queue_factory import fill_queue, phones
from tests.e2e.fleet import Fleet, fleet_of
from tests.waiting import wait_until

MESSAGES = 60
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def metric(url: str, name: str) -> float:
    """The value of a metric without labels."""
    async with ClientSession() as session, session.get(f"{url}/metrics") as response:
        found = re.search(rf"^{name} (\S+)$", await response.text(), re.MULTILINE)
    return float(found[1]) if found else 0.0


async def fenced(url: str) -> bool:
    """Whether a write of that process was refused, because its lease had gone to another."""
    return await metric(url, "outbound_sms_fenced_write_total") > 0


async def handing_over(pool: Pool, fleet: Fleet) -> bool:
    """Whether some messages are accepted and their answers still to come."""
    count = await pool.fetchval("SELECT count(*) FROM dispatch WHERE submitting_time IS NOT NULL")
    return bool(count >= 20 and len(fleet.accepted()) >= 8)


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
        await wait_until(lambda: handing_over(pool, fleet), 20, "texts are on their way")
        frozen.signal(signal.SIGSTOP)
        other = fleet.server("dispatcher")
        await other.start("http")
        await wait_until(lambda: queue_is_empty(pool), 60, "the others have settled everything")
        before = await pool.fetch("SELECT id, status, version FROM message ORDER BY id")
        frozen.signal(signal.SIGCONT)
        await wait_until(lambda: fenced(url), 20, "a late write was refused")
        assert await pool.fetch("SELECT id, status, version FROM message ORDER BY id") == before
        accepted = fleet.accepted()
    assert set(accepted.values()) == {1} and len(accepted) == MESSAGES
    assert await statuses(pool, queued.mass_message_id) == {"sent": MESSAGES}
    await check_history(pool)


async def test_the_late_writes_of_a_frozen_worker_end_no_doubt(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    """What others wait to hear about has a new fence: an answer under the old one comes too late,
    even a true one."""
    await fill_queue(pool, MESSAGES, carrier="sandbox", recipients=phones(MESSAGES, start=1_000))
    # Who is in doubt, and what has become of the others.
    state = (
        "SELECT m.id, m.status, m.version, d.fence, d.in_doubt_since IS NOT NULL AS in_doubt "
        "FROM message m LEFT JOIN dispatch d ON d.message_id = m.id ORDER BY m.id"
    )
    async with fleet_of(database_url, tmp_path) as fleet:
        # Neither a look-up nor a receipt says what became of what is in doubt.
        quiet = ("--latency", "0.5", "--receipt-delay", "3600")
        await fleet.start_carrier(*quiet, lookup=False, doubt_limit=3600)
        frozen = fleet.server("dispatcher")
        url = (await frozen.start("http"))["http"]
        await wait_until(lambda: handing_over(pool, fleet), 20, "texts are on their way")
        frozen.signal(signal.SIGSTOP)
        other = fleet.server("dispatcher")
        await other.start("http")

        async def all_sent_or_in_doubt() -> bool:
            left = await pool.fetchval("SELECT count(*) FROM dispatch WHERE in_doubt_since IS NULL")
            return bool(left == 0)

        await wait_until(all_sent_or_in_doubt, 60, "the other has sent all that it may")
        await other.stop()
        before = await pool.fetch(state)
        assert any(row["in_doubt"] for row in before)
        frozen.signal(signal.SIGCONT)
        await wait_until(lambda: fenced(url), 20, "a late write was refused")
        frozen.signal(signal.SIGTERM)
        assert await frozen.wait() == 0
        assert await pool.fetch(state) == before
        accepted = fleet.accepted()
    assert set(accepted.values()) == {1}
