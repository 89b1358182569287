"""A STOP that stops one instance only, where the operator has decided so."""

import asyncio
from uuid import UUID

import asyncpg
import pytest
from click.testing import CliRunner

from outbound_sms.cli.admin.command import admin
from outbound_sms.domain.opt_out_scope import OptOutScope
from outbound_sms.store.fires import find_accounts
from outbound_sms.store.opt_out_policy import get_opt_out_scope, set_opt_out_scope
from outbound_sms.store.phone_numbers import find_suppressed
from outbound_sms.store.pool import Pool
from outbound_sms.store.suppressions import CARRIER, suppress, suppress_many
from tests.dispatch.checks import check_history
from tests.dispatch.claims import claim
from tests.factories import Isp
from tests.store.reply_texts import (
    FIRST,
    SECOND,
    SUBSCRIBER,
    add_subscriber,
    add_text,
    answers,
    opt_ins,
    state_of,
    take,
    text,
)

Isps = tuple[Isp, Isp]


@pytest.fixture(autouse=True)
async def of_one_instance(pool: Pool) -> None:
    await set_opt_out_scope(pool, OptOutScope.INSTANCE)


async def who_is_stopped(pool: Pool, isps: Isps) -> tuple[bool, bool]:
    """Whether each instance may not text the subscriber."""
    first, second = [
        bool(await find_suppressed(pool, isp.instance_id, [SUBSCRIBER])) for isp in isps
    ]
    return first, second


async def stopped_instances(pool: Pool) -> list[UUID | None]:
    """Of each suppression the instance that it stops, None for all."""
    return [row[0] for row in await pool.fetch("SELECT instance_id FROM suppression")]


async def test_a_stop_stops_the_instance_that_was_written_to_and_no_other(
    pool: Pool, system: Pool, isps: Isps
) -> None:
    numbers = [(await add_subscriber(pool, isp))[2] for isp in isps]
    waiting = [await add_text(pool, isp, held=True) for isp in isps]
    unpaid = [await add_text(pool, isp, status=6, queue="unfunded") for isp in isps]
    assert (await take(system, text("STOP", to=FIRST))).failed == 1
    assert await who_is_stopped(pool, isps) == (True, False)
    assert await opt_ins(pool) == {numbers[0]: (False, True), numbers[1]: (True, False)}
    assert await state_of(pool, waiting[0]) == (5, "POLICY.OPTED_OUT", False)
    assert await state_of(pool, waiting[1]) == (1, None, True)
    assert await pool.fetchval("SELECT array_agg(message_id) FROM unfunded") == [unpaid[1]]
    assert len(await answers(pool)) == 1
    await check_history(pool)


async def test_the_claim_and_the_intent_heed_whom_a_stop_stopped(
    pool: Pool, system: Pool, isps: Isps
) -> None:
    for isp in isps:
        await add_subscriber(pool, isp)
    await take(system, text("STOP", to=FIRST))
    made = [await add_text(pool, isp, kind=1) for isp in isps]
    [confirmation] = await claim(pool, isps[0].sending_number_id)
    assert confirmation.message_id not in made
    [claimed] = await claim(pool, isps[1].sending_number_id)
    assert claimed.message_id == made[1]
    assert await state_of(pool, made[0]) == (5, "POLICY.OPTED_OUT", False)


async def test_each_instance_is_stopped_and_started_by_itself(
    pool: Pool, system: Pool, isps: Isps
) -> None:
    numbers = [(await add_subscriber(pool, isp))[2] for isp in isps]
    await take(system, text("STOP", to=FIRST))
    await take(system, text("STOP", to=SECOND))
    assert await who_is_stopped(pool, isps) == (True, True)
    await take(system, text("START", to=SECOND))
    assert await who_is_stopped(pool, isps) == (True, False)
    assert await opt_ins(pool) == {numbers[0]: (False, True), numbers[1]: (True, False)}
    assert len(await answers(pool)) == 3


async def test_a_second_stop_to_an_instance_is_not_confirmed_again(
    system: Pool, pool: Pool, isps: Isps
) -> None:
    await add_subscriber(pool, isps[0])
    await take(system, text("STOP"))
    await take(system, text("STOP"))
    assert len(await answers(pool)) == 1


async def test_what_stops_everybody_takes_the_place_of_what_stopped_one(
    pool: Pool, system: Pool, isps: Isps
) -> None:
    await take(system, text("STOP", to=FIRST))
    await set_opt_out_scope(pool, OptOutScope.ALL)
    await take(system, text("STOP", to=SECOND))
    assert await who_is_stopped(pool, isps) == (True, True)
    assert await stopped_instances(pool) == [None]
    await take(system, text("START", to=FIRST))
    assert await who_is_stopped(pool, isps) == (False, False)


async def test_a_start_of_one_instance_lifts_what_stopped_everybody_and_restores_only_its_own(
    pool: Pool, system: Pool, isps: Isps
) -> None:
    numbers = [(await add_subscriber(pool, isp))[2] for isp in isps]
    await set_opt_out_scope(pool, OptOutScope.ALL)
    await take(system, text("STOP", to=FIRST))
    await set_opt_out_scope(pool, OptOutScope.INSTANCE)
    await take(system, text("START", to=FIRST))
    # The other one's opt-in stays cleared, so that it may text as little as before.
    assert await opt_ins(pool) == {numbers[0]: (True, False), numbers[1]: (False, True)}


async def test_a_stop_of_one_instance_adds_nothing_where_everybody_is_stopped(
    pool: Pool, system: Pool, isps: Isps
) -> None:
    await set_opt_out_scope(pool, OptOutScope.ALL)
    await take(system, text("STOP", to=FIRST))
    await set_opt_out_scope(pool, OptOutScope.INSTANCE)
    await take(system, text("STOP", to=SECOND))
    assert await stopped_instances(pool) == [None]
    assert len(await answers(pool)) == 1


async def test_recipients_are_left_out_only_where_they_said_stop(
    pool: Pool, system: Pool, isps: Isps
) -> None:
    for isp in isps:
        await add_subscriber(pool, isp)
    await take(system, text("STOP", to=FIRST))
    # The opt-in says the same; without it the suppression is all that is left to look at.
    await pool.execute("UPDATE phone_number SET sms_opt_in = true")
    left_out = [
        await pool.fetchval(
            "SELECT left_out FROM mass_numbers($1, '{}', now(), NULL, NULL)", isp.instance_id
        )
        for isp in isps
    ]
    texted = [
        any(account.numbers for account in await find_accounts(pool, isp.instance_id, [], ["A-1"]))
        for isp in isps
    ]
    assert (left_out, texted) == ([4, 0], [False, True])


async def test_what_a_carrier_says_and_what_is_imported_stops_everybody(
    pool: Pool, system: Pool, isps: Isps
) -> None:
    await take(system, text("STOP", to=FIRST))
    await suppress(system, SUBSCRIBER, source=CARRIER)
    assert await stopped_instances(pool) == [None]
    assert await who_is_stopped(pool, isps) == (True, True)
    await take(system, text("START", to=FIRST))
    await take(system, text("STOP", to=SECOND))
    await suppress_many(system, [SUBSCRIBER], source=7, actor="operator", evidence="list")
    assert await stopped_instances(pool) == [None]


async def test_the_scope_is_the_operators_to_set(
    pool: Pool, system: Pool, database_url: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await set_opt_out_scope(system, OptOutScope.ALL)
    shown = []
    for arguments in ([], ["ALL"], ["instance", "--json"], ["nobody"]):
        command = ["opt-out-scope", "--database", database_url, *arguments]
        result = await asyncio.to_thread(CliRunner().invoke, admin, command)
        shown.append((result.exit_code, await get_opt_out_scope(pool)))
    instance, everybody = OptOutScope.INSTANCE, OptOutScope.ALL
    assert shown == [(0, instance), (0, everybody), (0, instance), (2, instance)]
