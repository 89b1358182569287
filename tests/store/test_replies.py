"""STOP, START and HELP: what a text does to consent, to the queue and to the money, once only."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from outbound_sms.domain.keyword import Keyword, Meaning, read_keyword
from outbound_sms.domain.keyword_reply import reply_text
from outbound_sms.domain.language import Language
from outbound_sms.store import dispatch
from outbound_sms.store.messages import lowest_id
from outbound_sms.store.pool import Pool
from outbound_sms.store.replies import HELP_ANSWERS, Taken, take_reply
from tests.dispatch.checks import check_history
from tests.dispatch.claims import OWNER, claim
from tests.dispatch.money import balance, entries
from tests.factories import (
    PLENTY,
    Isp,
    add_account,
    add_sending_number,
)
from tests.store.reply_texts import (
    FIRST,
    NEIGHBOUR,
    SECOND,
    SUBSCRIBER,
    add_subscriber,
    add_text,
    answers,
    consent_events,
    opt_ins,
    state_of,
    suppressed,
    take,
    text,
    versions,
)
from tests.waiting import wait_until


async def test_a_stop_clears_the_opt_ins_of_every_instance_and_only_those_of_the_number(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    cleared = [(await add_subscriber(pool, isp))[2] for isp in isps]
    never_agreed = (await add_subscriber(pool, isps[0], opted_in=False, number="A-2"))[2]
    other = (await add_subscriber(pool, isps[1], NEIGHBOUR, number="A-3"))[2]
    before = await versions(pool)
    await take(system, text("Stop, please!"))
    assert await opt_ins(pool) == {
        cleared[0]: (False, True),
        cleared[1]: (False, True),
        never_agreed: (False, False),
        other: (True, False),
    }
    after = await versions(pool)
    assert {n for n in after if after[n] == before[n] + 1} == set(cleared)
    assert sorted(await consent_events(pool), key=str) == sorted(
        [
            (isp.instance_id, number, SUBSCRIBER, 2, 6, "recipient", "Stop, please!")
            for isp, number in zip(isps, cleared, strict=True)
        ],
        key=str,
    )
    assert [tuple(row) for row in await pool.fetch("SELECT e164, source FROM suppression")] == [
        (SUBSCRIBER, 6)
    ]


async def test_start_restores_only_what_stop_had_cleared(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    agreed = [(await add_subscriber(pool, isp))[2] for isp in isps]
    opted_out = (await add_subscriber(pool, isps[0], opted_in=False, number="A-2"))[2]
    other = (await add_subscriber(pool, isps[1], NEIGHBOUR, number="A-3"))[2]
    await take(system, text("STOP"))
    await take(system, text("STOP", sender=NEIGHBOUR))
    await take(system, text("start"))
    assert await opt_ins(pool) == {
        agreed[0]: (True, False),
        agreed[1]: (True, False),
        opted_out: (False, False),
        other: (False, True),
    }
    assert await suppressed(pool) == [NEIGHBOUR]
    assert sorted((await consent_events(pool))[4:], key=str) == sorted(
        [
            (isp.instance_id, number, SUBSCRIBER, 3, 6, "recipient", "start")
            for isp, number in zip(isps, agreed, strict=True)
        ],
        key=str,
    )


async def test_start_of_a_number_that_never_agreed_opts_nobody_in(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    number = (await add_subscriber(pool, isps[0], opted_in=False))[2]
    assert await take(system, text("START")) == Taken()
    assert await opt_ins(pool) == {number: (False, False)}
    assert await consent_events(pool) == []
    assert await answers(pool) == []
    assert await pool.fetchval("SELECT meaning FROM inbound_message") == Meaning.START


async def test_start_does_not_undo_an_opt_out_by_hand(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    number = (await add_subscriber(pool, isps[0]))[2]
    await take(system, text("STOP"))
    await pool.execute("UPDATE phone_number SET cleared_by_stop = false")
    assert (await take(system, text("START"))).reply_id is not None
    assert await opt_ins(pool) == {number: (False, False)}
    assert await suppressed(pool) == []


async def test_a_second_stop_is_carried_out_and_not_confirmed_again(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    first = await take(system, text("STOP"))
    assert first.reply_id is not None
    late = await add_text(pool, isps[0])
    second = await take(system, text("STOP"))
    assert await state_of(pool, first.reply_id) == (1, None, True), "the confirmation still goes"
    assert second == Taken(failed=1)
    assert await state_of(pool, late) == (5, "POLICY.OPTED_OUT", False)
    rows = await pool.fetch("SELECT reply_id FROM inbound_message ORDER BY id")
    assert [row[0] for row in rows] == [first.reply_id, None]


async def test_stops_of_one_number_at_once_all_succeed_and_are_confirmed_once(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    for isp in isps:
        await add_subscriber(pool, isp)
        await add_text(pool, isp, held=True)
    taken = await asyncio.gather(
        *(take(system, text("STOP", to=to)) for _ in range(10) for to in (FIRST, SECOND))
    )
    assert len([each for each in taken if each.reply_id is not None]) == 1
    assert sum(each.failed for each in taken) == 2
    assert len(await answers(pool)) == 1
    assert len(await consent_events(pool)) == 2
    assert await pool.fetchval("SELECT count(*) FROM inbound_message") == 20


async def test_stops_while_claims_run_get_in_nobodys_way(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    phones = [f"+1{area}55501{n:02}" for area in (212, 416) for n in range(40)]
    for isp in isps:
        for phone in phones:
            await add_text(pool, isp, phone, kind=1)
    claimed: list[dispatch.Claimed] = []

    async def claim_some(isp: Isp) -> None:
        for _ in range(20):
            await pool.execute("UPDATE sending_rate SET tokens = 10")
            claimed.extend(await claim(pool, isp.sending_number_id, most=3))

    await asyncio.gather(
        *(claim_some(isp) for isp in isps),
        *(take(system, text("STOP", sender=phone)) for phone in reversed(phones)),
    )
    assert len(await suppressed(pool)) == len(phones)
    waiting = await pool.fetchval(
        "SELECT count(*) FROM dispatch d JOIN message m ON m.id = d.message_id "
        "WHERE d.owner IS NULL AND m.kind <> 3"
    )
    for isp in isps:
        await pool.execute("UPDATE sending_rate SET tokens = 1000")
        assert all(m.phone in phones for m in await claim(pool, isp.sending_number_id))
    assert waiting <= len(claimed)
    texts = [m for m in claimed if await kind_of(pool, m.message_id) != 3]
    assert texts, "some were claimed before their STOP"
    assert await dispatch.intend(pool, texts, carrier="null", owner=OWNER, lease_left=1) == {}
    await check_history(pool)


async def kind_of(pool: Pool, message_id: UUID) -> int:
    kind: int = await pool.fetchval("SELECT kind FROM message WHERE id = $1", message_id)
    return kind


async def test_a_text_that_was_here_before_changes_nothing(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    number = (await add_subscriber(pool, isps[0]))[2]
    stop = text("STOP")
    await take(system, stop)
    await take(system, text("START"))
    replays = await asyncio.gather(*(take(system, stop) for _ in range(20)))
    assert replays == [Taken(repeated=True)] * 20
    assert await opt_ins(pool) == {number: (True, False)}
    assert await suppressed(pool) == []
    assert len(await answers(pool)) == 2


async def test_an_old_start_that_comes_again_after_a_stop_changes_nothing(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    number = (await add_subscriber(pool, isps[0]))[2]
    start = text("START")
    await take(system, text("STOP"))
    await take(system, start)
    await take(system, text("STOP"))
    assert await take(system, start) == Taken(repeated=True)
    assert await opt_ins(pool) == {number: (False, True)}
    assert await suppressed(pool) == [SUBSCRIBER]
    assert len(await answers(pool)) == 3


async def test_an_id_that_two_numbers_bring_at_once_counts_once(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "INSERT INTO inbound_message (instance_id, sending_number_id, carrier, "
            "carrier_message_id, e164, body, meaning) "
            "VALUES ($1, $2, 'sandbox', 'SMsame', $3, 'Hello', 4)",
            isps[0].instance_id,
            isps[0].sending_number_id,
            NEIGHBOUR,
        )
        second = asyncio.create_task(take(system, text("STOP", carrier_id="SMsame")))
        await wait_until(lambda: so_many_wait(pool, 1), 5, "the second waits for the first")
        await transaction.commit()
    assert await second == Taken(repeated=True)
    assert await suppressed(pool) == []
    assert await answers(pool) == []


async def so_many_wait(pool: Pool, number: int) -> bool:
    waiting: int = await pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'system' AND wait_event_type = 'Lock'"
    )
    return waiting == number


async def test_an_opt_in_that_is_being_set_meanwhile_is_cleared_too(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    number = (await add_subscriber(pool, isps[0], opted_in=False))[2]
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("UPDATE phone_number SET sms_opt_in = true")
        stop = asyncio.create_task(take(system, text("STOP")))
        await wait_until(lambda: so_many_wait(pool, 1), 5, "STOP waits for the opt-in")
        await transaction.commit()
    await stop
    assert await opt_ins(pool) == {number: (False, True)}


async def test_a_start_that_comes_while_its_stop_is_carried_out_comes_after_it(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    number = (await add_subscriber(pool, isps[0]))[2]
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT FROM phone_number FOR UPDATE")
        stop = asyncio.create_task(take(system, text("STOP")))
        await wait_until(lambda: so_many_wait(pool, 1), 5, "STOP waits for the number")
        start = asyncio.create_task(take(system, text("START")))
        await wait_until(lambda: so_many_wait(pool, 2), 5, "START waits for STOP")
        await transaction.commit()
    await asyncio.gather(stop, start)
    assert await opt_ins(pool) == {number: (True, False)}
    assert await suppressed(pool) == []


WAITING: dict[str, dict[str, object]] = {
    "pending": {},
    "of a mass message that is paused": {
        "kind": 1,
        "priority": 5,
        "due_time": datetime.max.replace(tzinfo=UTC),
    },
    "held by quiet hours": {"zones": "America/New_York"},
    "its price held": {"held": True},
    "thrown back by a carrier": {
        "held": True,
        "status": 2,
        "attempts": 1,
        "due_time": datetime.now(UTC) + timedelta(minutes=1),
    },
    "an answer to an earlier keyword": {"kind": 3, "priority": 0},
}


@pytest.mark.parametrize("columns", WAITING.values(), ids=WAITING.keys())
async def test_what_waits_fails_in_every_instance_and_its_money_is_released(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp], columns: dict[str, object]
) -> None:
    waiting = [await add_text(pool, isp, **columns) for isp in isps]  # type: ignore[arg-type]
    other = await add_text(pool, isps[0], NEIGHBOUR, **columns)  # type: ignore[arg-type]
    status = columns.get("status", 1)
    if columns.get("priority") == 5:
        await pool.execute("UPDATE dispatch SET due_time = 'infinity'")
    taken = await take(system, text("STOP"))
    assert taken.failed == 2
    for isp, message_id in zip(isps, waiting, strict=True):
        assert await state_of(pool, message_id) == (5, "POLICY.OPTED_OUT", False)
        event = await pool.fetchrow(
            "SELECT status, previous_status, reject_reason, instance_id FROM status_event "
            "WHERE message_id = $1 ORDER BY version DESC LIMIT 1",
            message_id,
        )
        assert event is not None
        assert tuple(event) == (5, status, "POLICY.OPTED_OUT", isp.instance_id)
        held = bool(columns.get("held"))
        assert await entries(pool, message_id) == (["hold", "release"] if held else [])
    assert await state_of(pool, other) == (status, None, True)
    assert await balance(pool, isps[1].instance_id) == (PLENTY, 0, 0)
    await check_history(pool)


async def test_what_a_late_receipt_has_shown_to_be_sent_is_captured(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    delivered = await add_text(pool, isps[0], held=True, status=4, attempts=1)
    assert (await take(system, text("STOP"))).failed == 0
    assert await state_of(pool, delivered) == (4, None, False)
    assert await entries(pool, delivered) == ["hold", "capture"]


async def test_what_could_not_be_paid_is_not_requeued_any_more(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    mine = [await add_text(pool, isp, status=6, queue="unfunded") for isp in isps]
    other = await add_text(pool, isps[0], NEIGHBOUR, status=6, queue="unfunded")
    assert (await take(system, text("STOP"))).failed == 0
    for message_id in mine:
        assert await state_of(pool, message_id) == (6, None, False)
    assert [row[0] for row in await pool.fetch("SELECT message_id FROM unfunded")] == [other]


async def test_what_is_leased_or_in_doubt_is_left_and_the_intent_stops_it(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    leased = await add_text(pool, isps[0], kind=1)
    claimed = await claim(pool, isps[0].sending_number_id)
    assert [m.message_id for m in claimed] == [leased]
    doubtful = await add_text(
        pool, isps[0], status=2, held=True, attempts=1, in_doubt_since=datetime.now(UTC)
    )
    assert (await take(system, text("STOP"))).failed == 0
    assert await state_of(pool, leased) == (1, None, True)
    assert await state_of(pool, doubtful) == (2, None, True)
    assert await dispatch.intend(pool, claimed, carrier="null", owner=OWNER, lease_left=1) == {}


@pytest.mark.parametrize("queue", ["dispatch", "unfunded"])
async def test_a_row_that_somebody_is_at_is_not_waited_for(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp], queue: str
) -> None:
    """A claim, say, which looks at the suppression, or whose intent does."""
    status = 6 if queue == "unfunded" else 1
    await add_text(pool, isps[0], kind=1, status=status, queue=queue)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SELECT FROM {queue} FOR UPDATE")
        assert (await take(system, text("STOP"))).failed == 0
    assert await suppressed(pool) == [SUBSCRIBER]
    assert await pool.fetchval(f"SELECT count(*) FROM {queue} WHERE priority > 0") == 1


async def test_the_confirmation_is_free_passes_the_suppression_and_is_late_after_five_minutes(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    isp = isps[0]
    await add_text(pool, isp, NEIGHBOUR)
    taken = await take(system, text("STOP"))
    row = await pool.fetchrow(
        "SELECT m.instance_id, m.sending_number_id, m.phone, m.kind, m.cost_micros, "
        "m.price_list_version, m.account_id, m.contact_id, d.priority, d.zones, d.cost_micros, "
        "d.mass_message_id FROM message m JOIN dispatch d ON d.message_id = m.id WHERE m.kind = 3"
    )
    assert row is not None
    assert tuple(row) == (
        *(isp.instance_id, isp.sending_number_id, SUBSCRIBER, 3, 0, None, None, None),
        *(0, "", None, None),
    )
    left = await pool.fetchval(
        "SELECT valid_until - clock_timestamp() FROM dispatch WHERE message_id = $1",
        taken.reply_id,
    )
    assert timedelta(minutes=4, seconds=50) < left <= timedelta(minutes=5)
    claimed = await claim(pool, isp.sending_number_id)
    assert claimed[0].message_id == taken.reply_id, "the confirmation goes first"
    intended = await dispatch.intend(pool, claimed[:1], carrier="null", owner=OWNER, lease_left=1)
    assert intended == {taken.reply_id: 1}
    assert await entries(pool, claimed[0].message_id) == []
    await check_history(pool)


@pytest.mark.parametrize(
    ("body", "meaning", "language"),
    [
        ("STOP", Meaning.STOP, Language.EN),
        ("ARRÊT", Meaning.STOP, Language.FR),
        ("HELP", Meaning.HELP, Language.EN),
        ("Aide", Meaning.HELP, Language.FR),
    ],
)
async def test_the_answer_is_in_the_language_of_the_keyword_with_what_the_department_answers_on(
    pool: Pool,
    system: Pool,
    isps: tuple[Isp, Isp],
    body: str,
    meaning: Meaning,
    language: Language,
) -> None:
    await take(system, text(body))
    assert await answers(pool) == [
        reply_text(
            meaning,
            language,
            "Northwind Fiber",
            phone_number="+12125550142",
            email_address="help@northwind.example",
        )
    ]
    assert await pool.fetchval("SELECT language FROM body") == language


@pytest.mark.parametrize(
    ("texted_in", "body", "said"),
    [("fr", "STOP", "fr"), ("fr", "help", "fr"), ("en", "ARRET", "fr"), ("en", "STOP", "en")],
)
async def test_who_is_texted_in_french_is_answered_in_french_also_to_stop(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp], texted_in: str, body: str, said: str
) -> None:
    """Our French texts say "Répondez STOP", which is a French word there."""
    last = await add_text(pool, isps[0])
    await pool.execute(
        "INSERT INTO body (id, instance_id, language, text, encoding, characters, "
        "billable_segments, carrier_segments) "
        "SELECT body_id, instance_id, $2, 'x', 1, 1, 1, 1 FROM message WHERE id = $1",
        last,
        texted_in,
    )
    taken = await take(system, text(body))
    language = await pool.fetchval(
        "SELECT b.language FROM message m JOIN body b ON b.id = m.body_id WHERE m.id = $1",
        taken.reply_id,
    )
    assert language == said


async def test_the_answer_is_in_the_name_of_who_texted_last_from_that_number(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    isp = isps[0]
    other_number = await add_sending_number(pool, isp.instance_id, "+12125550105")
    french = await add_account(pool, isp, "F-1", company_id=isp.french_company_id)
    english = await add_account(pool, isp, "E-1")
    await add_text(pool, isp, account_id=english)
    last = await add_text(pool, isp, account_id=french)
    await add_text(pool, isp, account_id=english, sending_number_id=other_number)
    await add_text(pool, isp, NEIGHBOUR, account_id=english)
    taken = await take(system, text("HELP"))
    (answer,) = await answers(pool)
    assert answer.startswith("Fibre Boréale: ")
    assert "+15145550142" in answer
    row = await pool.fetchrow(
        "SELECT r.account_id, r.contact_id = m.contact_id FROM message r, message m "
        "WHERE r.id = $1 AND m.id = $2",
        taken.reply_id,
        last,
    )
    assert row is not None and tuple(row) == (french, True)


async def test_without_a_default_company_the_instance_answers(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    await pool.execute("UPDATE company SET is_default = false")
    await take(system, text("HELP"))
    assert (await answers(pool))[0].startswith("Northwind: ")
    assert "Call" not in (await answers(pool))[0]


async def test_a_company_whose_name_cannot_be_shown_keeps_no_stop_from_being_carried_out(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    await pool.execute("UPDATE company SET name = E'\\u200b' WHERE is_default")
    assert await take(system, text("STOP")) == Taken()
    assert await suppressed(pool) == [SUBSCRIBER]


async def test_help_changes_nothing_and_is_answered_a_few_times_an_hour(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    number = (await add_subscriber(pool, isps[0]))[2]
    waiting = await add_text(pool, isps[0])
    for _ in range(HELP_ANSWERS):
        assert (await take(system, text("HELP"))).reply_id is not None
    assert await take(system, text("HELP")) == Taken()
    assert (await take(system, text("HELP", sender=NEIGHBOUR))).reply_id is not None
    assert (await take(system, text("HELP", to=SECOND))).reply_id is not None
    assert await opt_ins(pool) == {number: (True, False)}
    assert await suppressed(pool) == []
    assert await consent_events(pool) == []
    assert await state_of(pool, waiting) == (1, None, True)
    assert HELP_ANSWERS == 5

    for minutes, answered in ((59, False), (61, True)):
        moment = datetime.now(UTC) - timedelta(minutes=minutes)
        rows = await pool.fetch("SELECT id FROM inbound_message ORDER BY id")
        for place, row in enumerate(rows):
            new = UUID(int=lowest_id(moment).int + place)
            await pool.execute("UPDATE inbound_message SET id = $2 WHERE id = $1", row["id"], new)
        assert ((await take(system, text("HELP"))).reply_id is not None) is answered


async def test_helps_that_come_at_once_are_counted_too(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    await asyncio.gather(*(take(system, text("HELP")) for _ in range(4 * HELP_ANSWERS)))
    assert len(await answers(pool)) == HELP_ANSWERS


async def test_helps_that_others_answered_do_not_count(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    await pool.execute("UPDATE sending_number SET keyword_replies = 2")
    for _ in range(HELP_ANSWERS):
        await take(system, text("HELP"))
    await pool.execute("UPDATE sending_number SET keyword_replies = 1")
    assert (await take(system, text("HELP"))).reply_id is not None


async def test_help_is_answered_after_a_stop_and_lifts_nothing(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    await take(system, text("STOP"))
    assert (await take(system, text("HELP"))).reply_id is not None
    assert await suppressed(pool) == [SUBSCRIBER]


@pytest.mark.parametrize("keyword_replies", [2, 3], ids=["provider", "network"])
async def test_where_others_answer_keywords_they_are_carried_out_in_silence(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp], keyword_replies: int
) -> None:
    number = (await add_subscriber(pool, isps[0]))[2]
    await pool.execute("UPDATE sending_number SET keyword_replies = $1", keyword_replies)
    for body, opted_in in (("STOP", False), ("HELP", False), ("START", True)):
        assert await take(system, text(body)) == Taken()
        assert (await opt_ins(pool))[number][0] is opted_in
    assert await answers(pool) == []


async def test_a_stranger_may_say_stop_and_start(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    assert (await take(system, text("STOP"))).reply_id is not None
    assert await suppressed(pool) == [SUBSCRIBER]
    assert (await take(system, text("START"))).reply_id is not None
    assert await suppressed(pool) == []
    assert (await take(system, text("START"))) == Taken()
    # Whoever was written to can show a regulator that it was said, and what was done.
    assert await consent_events(pool) == [
        (isps[0].instance_id, None, SUBSCRIBER, 2, 6, "recipient", "STOP"),
        (isps[0].instance_id, None, SUBSCRIBER, 3, 6, "recipient", "START"),
    ]


async def test_what_is_not_understood_is_kept_as_it_was_written(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    await add_subscriber(pool, isps[1])
    body = "Is it back?\n\U0001f61e " + "x" * 3000
    await take(system, text(body, to=SECOND, carrier_id="SM-one"))
    row = await pool.fetchrow(
        "SELECT instance_id, sending_number_id, carrier, carrier_message_id, e164, body, meaning, "
        "reply_id FROM inbound_message"
    )
    assert row is not None
    assert tuple(row) == (
        *(isps[1].instance_id, isps[1].sending_number_id, "sandbox", "SM-one", SUBSCRIBER),
        *(body, Meaning.UNCLEAR, None),
    )
    assert await suppressed(pool) == []
    assert await consent_events(pool) == []


async def test_long_words_are_kept_in_full_and_cut_as_evidence(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    await add_subscriber(pool, isps[0])
    inbound = text("STOP " * 1000)
    await take_reply(system, inbound, Keyword(Meaning.STOP, Language.EN))
    assert await pool.fetchval("SELECT body FROM inbound_message") == inbound.body
    assert await pool.fetchval("SELECT evidence FROM consent_event") == inbound.body[:2000]


async def test_a_text_to_a_number_that_is_not_ours_changes_nothing(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    inbound = text("STOP", to="+12125550199")
    assert await take_reply(system, inbound, read_keyword("STOP")) is None
    assert await suppressed(pool) == []
    assert await pool.fetchval("SELECT count(*) FROM inbound_message") == 0


async def test_a_text_is_stored_with_all_that_it_does_or_not_at_all(
    pool: Pool, system: Pool, isps: tuple[Isp, Isp]
) -> None:
    number = (await add_subscriber(pool, isps[0]))[2]
    waiting = await add_text(pool, isps[0], held=True)
    await pool.execute("ALTER TABLE inbound_message ADD CONSTRAINT never CHECK (body <> 'STOP')")
    with pytest.raises(asyncpg.CheckViolationError):
        await take(system, text("STOP"))
    assert await opt_ins(pool) == {number: (True, False)}
    assert await suppressed(pool) == []
    assert await consent_events(pool) == []
    assert await answers(pool) == []
    assert await state_of(pool, waiting) == (1, None, True)
