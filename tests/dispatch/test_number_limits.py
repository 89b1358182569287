"""Limits against fraud at the claim: how often one phone number is texted, and its neighbours."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from outbound_sms.domain.message_status import MessageStatus
from outbound_sms.store import dispatch as store
from outbound_sms.store.dispatch import AttemptOutcome, GivenBack, OpenGroup
from outbound_sms.store.pool import Pool
from outbound_sms.store.sending_limits import forget_old_hours
from tests.clock import DatabaseClock
from tests.dispatch.checks import check_history
from tests.dispatch.claims import OWNER, claim
from tests.dispatch.limits import add_triggered_to, alerts, make_reply, set_limits, untouched
from tests.dispatch.money import balance, entries, intend, settle, with_status
from tests.dispatch.queue_factory import PRICE, Queued, fill_queue
from tests.dispatch.test_claim_plan import claim_plan

ANN, BEN = "+12125550101", "+12125550102"
CAP = "POLICY.FREQUENCY_CAP"


async def capped(pool: Pool) -> list[UUID]:
    """The texts that failed because their number had had enough."""
    rows = await pool.fetch(
        "SELECT id FROM message WHERE status = 5 AND reject_reason = $1 ORDER BY id", CAP
    )
    return [row["id"] for row in rows]


async def make_older(pool: Pool, message_ids: list[UUID], by: timedelta) -> None:
    """Gives the texts ids as if they had been made so much earlier."""
    for message_id in message_ids:
        older = UUID(int=message_id.int - (int(by.total_seconds() * 1000) << 80))
        for table, column in (("dispatch", "message_id"), ("status_event", "message_id")):
            await pool.execute(
                f"UPDATE {table} SET {column} = $2 WHERE {column} = $1", message_id, older
            )
        await pool.execute("UPDATE message SET id = $2 WHERE id = $1", message_id, older)


async def test_the_eleventh_text_to_a_number_fails_and_the_tenth_does_not(pool: Pool) -> None:
    queued = await fill_queue(pool, 0)
    to_ann = await add_triggered_to(pool, queued, [ANN] * 12)
    to_ben = await add_triggered_to(pool, queued, [BEN] * 10)
    claimed = [m.message_id for m in await claim(pool, queued.sending_number_id)]
    assert sorted(claimed) == sorted([*to_ann[:10], *to_ben])
    assert await capped(pool) == to_ann[10:]
    assert await entries(pool, to_ann[10]) == []
    assert (await balance(pool, queued.instance_id))[1] == 20 * PRICE
    await check_history(pool)


async def test_texts_that_went_before_count_and_those_that_failed_do_not(pool: Pool) -> None:
    queued = await fill_queue(pool, 0)
    await set_limits(pool, queued.instance_id, per_number=3)
    made = await add_triggered_to(pool, queued, [ANN] * 3)
    claimed = sorted(await claim(pool, queued.sending_number_id), key=lambda m: m.message_id)
    await intend(pool, claimed)
    await settle(pool, claimed[:2])
    await settle(pool, claimed[2:], accepted=False)
    more = await add_triggered_to(pool, queued, [ANN] * 2)
    (last,) = await claim(pool, queued.sending_number_id)
    assert last.message_id == more[0]
    assert await capped(pool) == [more[1]]
    assert await with_status(pool, MessageStatus.SENT) == made[:2]


async def test_texts_of_a_day_ago_do_not_count_any_more(pool: Pool) -> None:
    queued = await fill_queue(pool, 0)
    await set_limits(pool, queued.instance_id, per_number=1)
    (old,) = await add_triggered_to(pool, queued, [ANN])
    (recent,) = await add_triggered_to(pool, queued, [BEN])
    await make_older(pool, [old], timedelta(hours=24, seconds=5))
    await make_older(pool, [recent], timedelta(hours=23, minutes=59))
    assert len(await claim(pool, queued.sending_number_id)) == 2
    new = await add_triggered_to(pool, queued, [ANN, BEN])
    (claimed,) = await claim(pool, queued.sending_number_id)
    assert claimed.message_id == new[0]
    assert await capped(pool) == [new[1]]


async def test_another_instance_and_answers_to_keywords_do_not_count(pool: Pool) -> None:
    queued = await fill_queue(pool, 0)
    other = await fill_queue(pool, 0, name="Other", sender="+12025550198")
    for each in (queued, other):
        await set_limits(pool, each.instance_id, per_number=1)
    answers = await add_triggered_to(pool, queued, [ANN] * 2)
    for answer in answers:
        await make_reply(pool, answer)
    await add_triggered_to(pool, other, [ANN])
    await add_triggered_to(pool, queued, [ANN])
    assert len(await claim(pool, queued.sending_number_id)) == 3
    assert len(await claim(pool, other.sending_number_id)) == 1
    assert await capped(pool) == []


async def test_what_was_made_later_and_is_with_a_carrier_counts(pool: Pool) -> None:
    """A text that could not be paid, and is put back when the day's text has gone."""
    queued = await fill_queue(pool, 0)
    await set_limits(pool, queued.instance_id, per_number=1)
    first, second = await add_triggered_to(pool, queued, [ANN] * 2)
    await pool.execute("UPDATE message SET status = 6, version = 2 WHERE id = $1", first)
    await pool.execute(
        "UPDATE dispatch SET due_time = now() + interval '1 hour' WHERE message_id = $1", first
    )
    claimed = await claim(pool, queued.sending_number_id)
    assert [m.message_id for m in claimed] == [second]
    await intend(pool, claimed)
    await pool.execute("UPDATE message SET status = 1 WHERE id = $1", first)
    await pool.execute("UPDATE dispatch SET due_time = now() WHERE message_id = $1", first)
    assert await claim(pool, queued.sending_number_id) == []
    assert await capped(pool) == [first]


async def test_a_held_text_that_fails_gets_its_money_back(pool: Pool) -> None:
    queued = await fill_queue(pool, 0)
    await add_triggered_to(pool, queued, [ANN])
    (later,) = await add_triggered_to(pool, queued, [ANN])
    groups = [OpenGroup(queued.sending_number_id, 1, "America/New_York", None)]
    claimed = await store.claim(pool, groups, most_each=10, owner=OWNER, lease_seconds=45)
    back = [GivenBack(m.message_id, m.fence, 0, 0, "null", AttemptOutcome.NONE) for m in claimed]
    await store.give_back(pool, back, owner=OWNER)
    await set_limits(pool, queued.instance_id, per_number=1)
    assert len(await claim(pool, queued.sending_number_id)) == 1
    assert await capped(pool) == [later]
    assert await entries(pool, later) == ["hold", "release"]


@pytest.mark.parametrize("limit", [1, 7])
async def test_sixteen_claimers_text_a_number_as_often_as_they_may(pool: Pool, limit: int) -> None:
    queued = await fill_queue(pool, 0)
    await set_limits(pool, queued.instance_id, per_number=limit)
    made = await add_triggered_to(pool, queued, [ANN, BEN] * 60)
    groups = [OpenGroup(queued.sending_number_id, 1, "America/New_York", None)]

    async def work() -> list[str]:
        taken: list[str] = []
        for _ in range(6):
            claimed = await store.claim(pool, groups, most_each=3, owner=uuid4(), lease_seconds=45)
            taken += [m.phone for m in claimed]
        return taken

    taken = [phone for part in await asyncio.gather(*(work() for _ in range(16))) for phone in part]
    assert (taken.count(ANN), taken.count(BEN)) == (limit, limit)
    assert len(await capped(pool)) == len(made) - 2 * limit


async def test_thousands_that_failed_are_looked_through_once_a_claim(pool: Pool) -> None:
    """Whoever floods one number shall not keep the dispatcher busy."""
    failed = 3_000
    queued = await fill_queue(pool, 0)
    old = await add_triggered_to(pool, queued, [ANN] * (failed + 10))
    await pool.execute(
        "UPDATE message SET status = 5, reject_reason = $2 WHERE id = ANY ($1)", old[10:], CAP
    )
    await pool.execute("DELETE FROM dispatch WHERE message_id = ANY ($1)", old[10:])
    await make_older(pool, old[:10], timedelta(hours=25))
    await pool.execute("DELETE FROM dispatch")
    await add_triggered_to(pool, queued, [ANN] * 60)
    await pool.execute("ANALYZE")
    nodes = await claim_plan(pool, queued, (1, "America/New_York"))
    assert nodes[0]["Actual Rows"] == 10
    looked_at = sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in nodes
        if node.get("Relation Name") == "message"
    )
    assert looked_at < 3 * failed + 1_000


async def test_without_a_limit_a_number_is_texted_as_often_as_wanted(pool: Pool) -> None:
    queued = await fill_queue(pool, 0)
    await set_limits(pool, queued.instance_id, per_number=0)
    await add_triggered_to(pool, queued, [ANN] * 30)
    assert len(await claim(pool, queued.sending_number_id)) == 30


async def neighbours(clocked: Pool, clock: DatabaseClock, limit: int) -> Queued:
    """Six texts to a prefix, then two to another one."""
    await clock.set(datetime(2026, 7, 1, 16, 20, tzinfo=UTC))
    near = [f"+1212555{n:04}" for n in range(100, 106)]
    queued = await fill_queue(clocked, 0, recipients=[*near, "+13125550101", "+13125550102"])
    await set_limits(clocked, queued.instance_id, per_prefix=limit)
    return queued


async def test_what_is_too_much_for_a_prefix_waits_for_the_next_hour(
    clocked: Pool, clock: DatabaseClock
) -> None:
    queued = await neighbours(clocked, clock, 4)
    claimed = [m.message_id for m in await claim(clocked, queued.sending_number_id)]
    assert claimed == [*queued.message_ids[:4], *queued.message_ids[6:]]
    waiting = await clocked.fetch("SELECT * FROM dispatch WHERE owner IS NULL ORDER BY message_id")
    assert [row["message_id"] for row in waiting] == queued.message_ids[4:6]
    assert {row["due_time"] for row in waiting} == {datetime(2026, 7, 1, 17, tzinfo=UTC)}
    assert {row["fence"] for row in waiting} == {0}
    assert await alerts(clocked) == [(5, 2)]
    assert await store.ready_groups(clocked) == []
    await clock.set(datetime(2026, 7, 1, 17, tzinfo=UTC))
    assert len(await claim(clocked, queued.sending_number_id)) == 2
    assert await forget_old_hours(clocked) == 0
    await clock.jump(timedelta(hours=1, minutes=30))
    assert await forget_old_hours(clocked) == 2
    stored = await clocked.fetch("SELECT prefix, messages FROM prefix_hour ORDER BY prefix")
    assert [tuple(row) for row in stored] == [("+1212555", 2)]


async def test_claims_of_an_hour_share_the_limit_of_a_prefix(
    clocked: Pool, clock: DatabaseClock
) -> None:
    queued = await neighbours(clocked, clock, 5)
    groups = [OpenGroup(queued.sending_number_id, 5, "", None)]
    parts = await asyncio.gather(
        *(
            store.claim(clocked, groups, most_each=1, owner=uuid4(), lease_seconds=45)
            for _ in range(16)
        )
    )
    taken = [m.phone[:8] for part in parts for m in part]
    assert (taken.count("+1212555"), taken.count("+1312555")) == (5, 2)
    assert await untouched(clocked) == 0
