"""Expansion: every recipient once, whatever happens on the way."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from outbound_sms.dispatch.expand import expand_once, run_expander
from outbound_sms.domain.mass_message import MassMessageState
from outbound_sms.store import expand
from outbound_sms.store.mass_messages import lock_state
from outbound_sms.store.pool import Connection, Pool, open_pool
from tests.factories import (
    Isp,
    add_account,
    add_company,
    add_contact,
    add_mass_message,
    add_network_site,
    add_number,
    add_subscribers,
    make_isp,
    phone,
)
from tests.waiting import wait_until


class Killed(Exception):
    """Stands for the end of the process: the transaction is never committed."""


@pytest.fixture
async def isp(pool: Pool) -> Isp:
    return await make_isp(pool)


async def expand_all(pool: Pool, chunk_accounts: int = 7) -> None:
    while await expand_once(pool, chunk_accounts):
        pass


async def phones(pool: Pool, mass_message_id: UUID) -> list[str]:
    rows = await pool.fetch(
        "SELECT phone FROM message WHERE mass_message_id = $1 ORDER BY phone", mass_message_id
    )
    return [row["phone"] for row in rows]


async def check_whole(pool: Pool, mass_message_id: UUID, recipients: int) -> None:
    """Every text has its queue row and its first event, and the mass message knows how many."""
    row = await pool.fetchrow(
        "SELECT mm.state, mm.expanded, mm.recipients, mm.segments, "
        "(SELECT count(*) FROM message m WHERE m.mass_message_id = mm.id) AS messages, "
        "(SELECT count(*) FROM dispatch d JOIN message m ON m.id = d.message_id "
        " WHERE d.mass_message_id = mm.id AND d.priority = 5 AND d.segments = m.carrier_segments "
        " AND d.valid_until = mm.valid_until AND d.instance_id = mm.instance_id) AS queued, "
        "(SELECT count(*) FROM status_event e WHERE e.mass_message_id = mm.id "
        " AND e.version = 1 AND e.status = 1 AND e.previous_status = 0) AS events "
        "FROM mass_message mm WHERE mm.id = $1",
        mass_message_id,
    )
    assert row is not None
    assert dict(row) == {
        "state": MassMessageState.SENDING,
        "expanded": True,
        "recipients": recipients,
        "segments": recipients,
        "messages": recipients,
        "queued": recipients,
        "events": recipients,
    }


async def test_every_recipient_gets_one_text_with_its_queue_row_and_its_event(
    pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 20)
    mass_message_id = await add_mass_message(pool, isp)
    await expand_all(pool)
    assert await phones(pool, mass_message_id) == [phone(n) for n in range(20)]
    await check_whole(pool, mass_message_id, 20)


@pytest.mark.parametrize("step", ["find_chunk", "write_chunk", "advance"])
async def test_a_kill_after_any_step_of_any_chunk_loses_and_repeats_nobody(
    pool: Pool, isp: Isp, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await add_subscribers(pool, isp, 25)
    mass_message_id = await add_mass_message(pool, isp)
    original = getattr(expand, step)

    async def do_then_die(*arguments: Any, **named: Any) -> None:
        await original(*arguments, **named)
        raise Killed

    for _ in range(5):
        monkeypatch.setattr(expand, step, do_then_die)
        with pytest.raises(Killed):
            await expand_once(pool, 6)
        monkeypatch.setattr(expand, step, original)
        await expand_once(pool, 6)
    assert await phones(pool, mass_message_id) == [phone(n) for n in range(25)]
    await check_whole(pool, mass_message_id, 25)


async def test_a_chunk_that_is_written_twice_makes_no_second_text(pool: Pool, isp: Isp) -> None:
    await add_subscribers(pool, isp, 10)
    mass_message_id = await add_mass_message(pool, isp)
    await expand_once(pool, 6)
    await pool.execute("UPDATE mass_message SET expand_after = NULL, recipients = 0, segments = 0")
    await expand_all(pool)
    assert len(await phones(pool, mass_message_id)) == 10
    assert await pool.fetchval("SELECT count(*) FROM dispatch") == 10


async def test_several_expanders_share_the_work_and_repeat_nothing(pool: Pool, isp: Isp) -> None:
    other = await make_isp(pool, sender="+14165550100")
    await add_subscribers(pool, isp, 60)
    await add_subscribers(pool, other, 40)
    first, second = await add_mass_message(pool, isp), await add_mass_message(pool, isp)
    third = await add_mass_message(pool, other)

    async def expander() -> None:
        while await pool.fetchval("SELECT count(*) FROM mass_message WHERE NOT expanded"):
            await expand_once(pool, 5)

    await asyncio.gather(*(expander() for _ in range(4)))
    await check_whole(pool, first, 60)
    await check_whole(pool, second, 60)
    await check_whole(pool, third, 40)


async def test_a_long_one_of_one_instance_does_not_keep_another_instance_waiting(
    pool: Pool, isp: Isp
) -> None:
    other = await make_isp(pool, sender="+14165550100")
    await add_subscribers(pool, isp, 100)
    await add_subscribers(pool, other, 1)
    long = await add_mass_message(pool, isp)
    short = await add_mass_message(pool, other)
    # Chance is one half each time: in 50 chunks the short one surely has had its turn.
    for _ in range(50):
        await expand_once(pool, 1)
    assert await pool.fetchval("SELECT expanded FROM mass_message WHERE id = $1", short)
    assert not await pool.fetchval("SELECT expanded FROM mass_message WHERE id = $1", long)


async def test_a_pause_stops_the_expansion_and_a_resume_goes_on_where_it_stopped(
    pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 20)
    mass_message_id = await add_mass_message(pool, isp)
    await expand_once(pool, 8)
    await set_state(pool, mass_message_id, MassMessageState.PAUSED)
    assert await expand_once(pool, 8) == 0
    assert len(await phones(pool, mass_message_id)) == 8
    await set_state(pool, mass_message_id, MassMessageState.EXPANDING)
    await expand_all(pool)
    await check_whole(pool, mass_message_id, 20)


async def test_a_cancel_stops_the_expansion_for_good(pool: Pool, isp: Isp) -> None:
    await add_subscribers(pool, isp, 20)
    mass_message_id = await add_mass_message(pool, isp)
    await expand_once(pool, 8)
    await set_state(pool, mass_message_id, MassMessageState.CANCELLED)
    await expand_all(pool)
    assert len(await phones(pool, mass_message_id)) == 8


async def test_who_joins_after_the_acceptance_is_not_meant(pool: Pool, isp: Isp) -> None:
    await add_subscribers(pool, isp, 3)
    known = await add_account(pool, isp, "known")
    mass_message_id = await add_mass_message(pool, isp)
    await add_subscribers(pool, isp, 2, first=10)
    late_contact = await add_contact(pool, isp, known)
    await add_number(pool, isp, late_contact, phone(20))
    await expand_all(pool)
    assert await phones(pool, mass_message_id) == [phone(n) for n in range(3)]


async def test_accounts_and_contacts_that_join_later_with_a_number_known_before_are_not_meant(
    pool: Pool, isp: Isp
) -> None:
    known = await add_account(pool, isp, "known")
    before = await pool.fetchval("SELECT now() - interval '1 hour'")
    mass_message_id = await add_mass_message(pool, isp)
    late = await add_account(pool, isp, "late")
    contact = await add_contact(pool, isp, late, create_time=before)
    await add_number(pool, isp, contact, phone(1), create_time=before)
    contact = await add_contact(pool, isp, known)
    await add_number(pool, isp, contact, phone(2), create_time=before)
    await expand_all(pool)
    await check_whole(pool, mass_message_id, 0)


async def test_one_process_expands_a_mass_message_at_a_time_and_verbs_wait_for_its_chunk(
    pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 3)
    mass_message_id = await add_mass_message(pool, isp)
    async with pool.acquire() as connection, connection.transaction():
        assert await expand.lock_next(connection) is not None
        assert await expand_once(pool) == 0
        with pytest.raises(asyncpg.LockNotAvailableError):
            await pause_without_waiting(pool, mass_message_id)
    await pause_without_waiting(pool, mass_message_id)


async def test_plans_are_made_for_the_values_at_hand_within_the_transaction_only(
    pool: Pool, isp: Isp
) -> None:
    async with pool.acquire() as connection:
        usual = await connection.fetchval("SHOW plan_cache_mode")
        async with connection.transaction():
            await expand.lock_next(connection)
            assert await connection.fetchval("SHOW plan_cache_mode") == "force_custom_plan"
        assert await connection.fetchval("SHOW plan_cache_mode") == usual


async def test_a_number_of_several_contacts_goes_to_the_first_account_and_there_the_primary_contact(
    pool: Pool, isp: Isp
) -> None:
    first, second = [await add_account(pool, isp, n) for n in ("1", "2")]
    by_side = await add_contact(pool, isp, first, "By side")
    primary = await add_contact(pool, isp, first, "Primary", is_primary=True)
    later = await add_contact(pool, isp, second, "Later", is_primary=True)
    for contact in (later, by_side, primary):
        await add_number(pool, isp, contact, phone(1))
    await add_mass_message(pool, isp)
    await expand_all(pool, 1)
    rows = await pool.fetch("SELECT contact_id, account_id FROM message")
    assert [tuple(row) for row in rows] == [(primary, first)]


async def test_the_same_number_within_one_chunk_gets_one_text(pool: Pool, isp: Isp) -> None:
    for n in range(3):
        account = await add_account(pool, isp, str(n))
        await add_number(pool, isp, await add_contact(pool, isp, account), phone(1))
    mass_message_id = await add_mass_message(pool, isp)
    await expand_all(pool, 100)
    assert await phones(pool, mass_message_id) == [phone(1)]


async def test_each_recipient_gets_the_text_of_the_company_in_the_language_that_is_theirs(
    pool: Pool, isp: Isp
) -> None:
    silent = await add_company(pool, isp.instance_id, "No Language Inc")
    cases: list[tuple[UUID, str | None, str | None, str]] = [
        (isp.company_id, None, None, "Northwind Fiber en"),
        (isp.company_id, None, "fr", "Northwind Fiber fr"),
        (isp.company_id, "fr", None, "Northwind Fiber fr"),
        (isp.company_id, "fr", "en", "Northwind Fiber en"),
        (isp.french_company_id, None, None, "Fibre Boréale fr"),
        (silent, None, None, "No Language Inc en"),
    ]
    for n, (company, account_language, contact_language, _) in enumerate(cases):
        account = await add_account(
            pool, isp, str(n), company_id=company, language=account_language
        )
        contact = await add_contact(pool, isp, account, language=contact_language)
        await add_number(pool, isp, contact, phone(n))
    await add_mass_message(pool, isp)
    await expand_all(pool)
    rows = await pool.fetch("SELECT m.phone, b.text FROM message m JOIN body b ON b.id = m.body_id")
    assert {row["phone"]: row["text"] for row in rows} == {
        phone(n): text for n, (*_, text) in enumerate(cases)
    }


async def test_accounts_of_disabled_companies_and_contacts_that_are_deleted_get_nothing(
    pool: Pool, isp: Isp
) -> None:
    disabled = await add_company(pool, isp.instance_id, "Gone", enabled=False)
    account = await add_account(pool, isp, "1", company_id=disabled)
    await add_number(pool, isp, await add_contact(pool, isp, account), phone(1))
    account = await add_account(pool, isp, "2")
    contact = await add_contact(pool, isp, account)
    await add_number(pool, isp, contact, phone(2))
    await pool.execute("UPDATE contact SET delete_time = now() WHERE id = $1", contact)
    site = await add_network_site(pool, isp, "Tower")
    await add_number(pool, isp, await add_contact(pool, isp, None, network_site_id=site), phone(3))
    mass_message_id = await add_mass_message(pool, isp)
    await expand_all(pool)
    await check_whole(pool, mass_message_id, 0)


async def test_the_loop_expands_what_waits_and_stops_when_told(pool: Pool, isp: Isp) -> None:
    await add_subscribers(pool, isp, 5)
    stop, wake = asyncio.Event(), asyncio.Event()
    loop = asyncio.create_task(run_expander(pool, stop, wake))
    try:
        mass_message_id = await add_mass_message(pool, isp)
        wake.set()
        await wait_until(
            lambda: pool.fetchval(
                "SELECT expanded FROM mass_message WHERE id = $1", mass_message_id
            ),
            describe="the expansion",
        )
    finally:
        stop.set()
        await asyncio.wait_for(loop, 5)


async def test_a_mass_message_is_expanded_on_the_oldest_postgresql_too(
    database_url_15: str,
) -> None:
    opened = await open_pool(database_url_15, min_size=1, max_size=2, application_name="tests")
    async with opened as pool:
        isp = await make_isp(pool)
        await add_subscribers(pool, isp, 9)
        mass_message_id = await add_mass_message(pool, isp)
        await expand_all(pool, 4)
        await check_whole(pool, mass_message_id, 9)


async def pause_without_waiting(pool: Pool, mass_message_id: UUID) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '50ms'")
        await lock_state(connection, await instance_of(pool, mass_message_id), mass_message_id)


async def instance_of(pool: Pool, mass_message_id: UUID) -> UUID:
    found: UUID = await pool.fetchval(
        "SELECT instance_id FROM mass_message WHERE id = $1", mass_message_id
    )
    return found


async def set_state(
    pool: Pool | Connection, mass_message_id: UUID, state: MassMessageState
) -> None:
    await pool.execute("UPDATE mass_message SET state = $2 WHERE id = $1", mass_message_id, state)
