"""A server that dies between any two steps loses nothing and does nothing twice.

Each point is one line of `kill_points.KILL_POINTS`; the accept log of the sandbox is the oracle.
What dies at k11, between a charge and its record, is in test_top_up_kill. KILL_POINT_TIMES=20 runs
the long form.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import aiohttp
import pytest

from outbound_sms.store.pool import Pool
from tests.dispatch.checks import check_history, queue_is_empty
from tests.dispatch.money import balance
from tests.dispatch.queue_factory import PRICE
from tests.e2e.deaths import Deaths, Seen
from tests.e2e.fleet import Fleet, fleet_of
from tests.e2e.kill_points import KILL_POINTS
from tests.e2e.kill_rounds import FUNDS, TEXT, TEXTS, TIMES, Call, Receipts, Rounds, Texts
from tests.feed.validators import check_counts, check_feed
from tests.waiting import wait_until

# Seconds for which the carrier keeps a text to itself that it has accepted.
LATENCY = "0.7"
SENT, DELIVERED = 3, 4
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 60 * TIMES)]

AT_DEATH: dict[str, Callable[[Seen], object]] = {
    # Claimed, and nobody has been asked to send it.
    "k3": lambda seen: seen.leased and not (seen.intended or seen.accepted or seen.sent),
    # Nobody can know whether the carrier was asked; it was not.
    "k4": lambda seen: seen.intended and not (seen.accepted or seen.sent),
    # Nobody can know; it was.
    "k5": lambda seen: seen.intended and seen.accepted and not seen.sent,
    "k6": lambda seen: seen.intended and seen.accepted and not seen.sent,
    # What is said to be sent has been accepted.
    "k7": lambda seen: 0 < seen.sent <= seen.accepted,
    "k12": lambda seen: seen.accepted,
}
"""What must be true of the texts when the server that was to hand them over has died."""


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


async def test_what_dies_at_any_point_loses_nothing_and_does_nothing_twice(
    pool: Pool, database_url: str, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    rounds = Rounds()
    await rounds.prepare(pool)
    async with fleet_of(database_url, tmp_path) as fleet:
        # The sandbox sends no receipts: the test does, when it is their turn.
        await fleet.start_carrier(
            *("--latency", LATENCY, "--receipt-delay", "3600"), lookup=True, names=Rounds.names()
        )
        deaths = Deaths(fleet, pool, tmp_path)
        await die_with_calls_and_texts(deaths, rounds, pool)
        await send_what_is_left(fleet, pool)
        check_sent_once(fleet, rounds)
        await die_with_receipts(fleet, deaths, rounds, pool, session)
        await die_ticking(deaths, pool)
        await finish(fleet, rounds, pool)
        check_sent_once(fleet, rounds)
        check_created_once(fleet, rounds)
    assert deaths.died == dict.fromkeys(KILL_POINTS, TIMES)
    await check_settled(pool, rounds)
    await check_history(pool)
    await check_feed(pool)
    await check_counts(pool)


async def die_with_calls_and_texts(deaths: Deaths, rounds: Rounds, pool: Pool) -> None:
    """k1 to k7 and k12, and how they leave things."""

    async def hand_over(point: str, texts: Texts) -> None:
        seen = await deaths.with_texts(point, texts)
        assert AT_DEATH[point](seen), (point, seen)

    async def create(point: str, call: Call) -> None:
        await deaths.with_call(point, call)
        instance = call.tenant.instance.id
        # k1: none, nor a trace of the call. k2: all of it, and nobody knows.
        kept = await kept_of(pool, instance)
        assert kept == ((0, 0) if point == "k1" else (1, 1)), (point, kept)

    async with asyncio.TaskGroup() as tasks:
        for point, all_texts in rounds.texts.items():
            for texts in all_texts:
                tasks.create_task(hand_over(point, texts))
        for point, calls in rounds.calls.items():
            for call in calls:
                tasks.create_task(create(point, call))


async def kept_of(pool: Pool, instance_id: UUID) -> tuple[int, int]:
    """Mass messages of an instance, and answers that are kept for a repeat."""
    row = await pool.fetchrow(
        "SELECT (SELECT count(*) FROM mass_message WHERE instance_id = $1), "
        "(SELECT count(*) FROM idempotency WHERE instance_id = $1)",
        instance_id,
    )
    assert row is not None
    return tuple(row)


async def send_what_is_left(fleet: Fleet, pool: Pool) -> None:
    """The leases of the dead run out, and one dispatcher that has lived takes over."""
    await pool.execute("UPDATE dispatch SET lease_until = now() WHERE owner IS NOT NULL")
    other = fleet.server("dispatcher")
    await other.start("http")
    await wait_until(lambda: queue_is_empty(pool), 90, "everything is settled")
    await other.stop()


def check_sent_once(fleet: Fleet, rounds: Rounds) -> None:
    """Every text has reached its carrier, and none twice."""
    accepted = fleet.accepted()
    for point, all_texts in rounds.texts.items():
        for texts in all_texts:
            times = {to: accepted[to, TEXT] for to in texts.phones}
            assert set(times.values()) == {1}, (point, times)


async def die_with_receipts(
    fleet: Fleet, deaths: Deaths, rounds: Rounds, pool: Pool, session: aiohttp.ClientSession
) -> None:
    """k8 and k9: receipts are stored, and not applied by the server that dies."""
    assert fleet.receipts is not None
    for texts in rounds.texts["k3"]:
        receipts = Receipts(fleet, texts, session)
        await deaths.with_receipts("k8", receipts)
        stored = await stored_receipts(pool, texts)
        assert stored
        assert await found(pool, texts) == [(SENT, 3)] * TEXTS
        # Its carrier repeats what had no answer; what was stored must not need it.
        again = await receipts.post(fleet.public_url, but=frozenset(stored))
        assert again == [204] * (TEXTS - len(stored))
    for texts in rounds.texts["k4"]:
        assert await Receipts(fleet, texts, session).post(fleet.public_url) == [204] * TEXTS
    before = [await found(pool, texts) for texts in rounds.texts["k4"]]
    for texts in rounds.texts["k4"]:
        await deaths.alone("k9")
        assert len(await stored_receipts(pool, texts)) == TEXTS
    assert [await found(pool, texts) for texts in rounds.texts["k4"]] == before


async def stored_receipts(pool: Pool, texts: Texts) -> list[str]:
    """The carrier's ids in the receipts that wait."""
    rows = await pool.fetch(
        "SELECT carrier_message_id FROM receipt WHERE message_id = ANY ($1) AND state = 3",
        texts.queued.message_ids,
    )
    return [row[0] for row in rows]


async def found(pool: Pool, texts: Texts) -> list[tuple[int, int]]:
    """Status and version of each text."""
    rows = await pool.fetch(
        "SELECT status, version FROM message WHERE id = ANY ($1) ORDER BY id",
        texts.queued.message_ids,
    )
    return [tuple(row) for row in rows]


async def die_ticking(deaths: Deaths, pool: Pool) -> None:
    """k10: what the tick has copied when the server dies is not there, and is copied again."""
    fed = "SELECT coalesce(max(pos), 0), count(*) FROM feed"
    before = await pool.fetchrow(fed)
    for _ in range(TIMES):
        await deaths.alone("k10")
        assert await pool.fetchrow(fed) == before


async def finish(fleet: Fleet, rounds: Rounds, pool: Pool) -> None:
    """A server that lives answers the calls again, and finishes what there is."""
    server = fleet.server("api,dispatcher")
    address = (await server.start("grpc"))["grpc"]
    for point, calls in rounds.calls.items():
        for call in calls:
            first, second = await call.make(address), await call.make(address)
            # The repeat tells what was answered first, not how it stands now.
            assert first == second
            ids = await pool.fetch(
                "SELECT id FROM mass_message WHERE instance_id = $1", call.tenant.instance.id
            )
            assert [str(row[0]) for row in ids] == [first.mass_message.mass_message_id], point

    async def all_over() -> bool:
        return bool(
            await pool.fetchval(
                "SELECT NOT EXISTS (SELECT 1 FROM dispatch) "
                "AND NOT EXISTS (SELECT 1 FROM receipt) "
                "AND NOT EXISTS (SELECT 1 FROM mass_message WHERE NOT expanded) "
                "AND (SELECT count(*) FROM status_event) = "
                "    (SELECT coalesce(sum(cardinality(seqs)), 0) FROM feed)"
            )
        )

    await wait_until(all_over, 90, "everything is settled, applied and fed")
    await server.stop()


def check_created_once(fleet: Fleet, rounds: Rounds) -> None:
    """Everybody has one text, so there was one mass message."""
    times = Counter(entry["to"] for entry in fleet.accept_entries())
    for point, calls in rounds.calls.items():
        for call in calls:
            sent = {to: times[to] for to in call.phones}
            assert sent == dict.fromkeys(call.phones, 1), (point, sent)


async def check_settled(pool: Pool, rounds: Rounds) -> None:
    """Statuses, tries and money of the texts."""
    for point, all_texts in rounds.texts.items():
        status = DELIVERED if point in ("k3", "k4") else SENT
        for texts in all_texts:
            statuses = {each for each, _ in await found(pool, texts)}
            assert statuses == {status}, (point, statuses)
            tries = set(await tries_of(pool, texts))
            # Where the carrier may have been asked, a look-up may have found that it was not.
            assert tries <= {(1,)} if point == "k3" else tries <= {(1,), (4, 1)}, (point, tries)
            assert point != "k4" or (4, 1) in tries, tries
            spent = TEXTS * PRICE
            left = await balance(pool, texts.queued.instance_id)
            assert left == (FUNDS - spent, 0, spent), (point, left)


async def tries_of(pool: Pool, texts: Texts) -> list[tuple[int, ...]]:
    """What became of each hand-over of each text: 1 accepted, 4 not sent."""
    rows = await pool.fetch(
        "SELECT array_agg(outcome ORDER BY number) FROM attempt WHERE message_id = ANY ($1) "
        "GROUP BY message_id",
        texts.queued.message_ids,
    )
    return [tuple(row[0]) for row in rows]
