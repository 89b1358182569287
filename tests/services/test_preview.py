"""The preview of a mass message: exact, and equal to what is sent."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest

from outbound_sms.dispatch.expand import expand_once
from outbound_sms.store.pool import Pool
from outboundsms.v1 import language_pb2
from outboundsms.v1 import mass_messages_pb2 as pb
from outboundsms.v1.mass_messages_pb2_grpc import MassMessagesStub
from tests.factories import (
    Isp,
    add_account,
    add_category,
    add_contact,
    add_network_site,
    add_number,
    add_sending_number,
    add_signature,
    add_subscribers,
    make_isp,
    phone,
)
from tests.services.failures import failure
from tests.services.mass_message_requests import create, preview, spec
from tests.services.running import Stubs, Tenant

Code = grpc.StatusCode
LANGUAGES = {"en": language_pb2.LANGUAGE_EN, "fr": language_pb2.LANGUAGE_FR}


@pytest.fixture
async def isp(pool: Pool, instance: Tenant) -> Isp:
    return await make_isp(pool, instance_id=instance.instance.id)


@pytest.fixture
def mass(stub: Stubs) -> Any:
    return stub(MassMessagesStub)


def left_out(answer: pb.PreviewMassMessageResponse) -> dict[int, int]:
    return {each.reason: each.phone_numbers for each in answer.left_out}


async def test_each_number_that_gets_no_text_is_counted_under_the_first_reason(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    account = await add_account(pool, isp, "1")
    contact = await add_contact(pool, isp, account)
    await add_number(pool, isp, contact, phone(0))
    await add_number(pool, isp, contact, "+442079460100", country="GB", opted_in=False)
    await add_number(pool, isp, contact, "+19005550100")
    await add_number(pool, isp, contact, "+19765550100", capable=False)
    await add_number(pool, isp, contact, phone(1), capable=False, opted_in=False)
    await add_number(pool, isp, contact, phone(2), opted_in=False)
    await add_number(pool, isp, contact, phone(3))
    await pool.execute(
        "INSERT INTO suppression (e164, source) VALUES ($1, 1), ($2, 1)", phone(2), phone(3)
    )
    second = await add_contact(pool, isp, account, "Second")
    await add_number(pool, isp, second, phone(0))
    answer = await preview(mass, spec())
    assert (answer.accounts, answer.contacts, answer.recipients) == (1, 2, 1)
    assert left_out(answer) == {
        pb.LEFT_OUT_REASON_NOT_US_OR_CA: 3,
        pb.LEFT_OUT_REASON_NOT_SMS_CAPABLE: 1,
        pb.LEFT_OUT_REASON_NOT_OPTED_IN: 1,
        pb.LEFT_OUT_REASON_SUPPRESSED: 1,
        pb.LEFT_OUT_REASON_DUPLICATE_NUMBER: 1,
    }


async def test_a_number_that_is_opted_in_elsewhere_gets_its_text_there_and_is_no_duplicate(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    for n, opted_in in enumerate((False, True)):
        account = await add_account(pool, isp, str(n))
        await add_number(
            pool, isp, await add_contact(pool, isp, account), phone(0), opted_in=opted_in
        )
    answer = await preview(mass, spec())
    assert answer.recipients == 1
    assert left_out(answer) == {pb.LEFT_OUT_REASON_NOT_OPTED_IN: 1}


async def test_segments_cost_and_time_add_up_over_the_different_texts(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 30)
    account = await add_account(pool, isp, "Q", company_id=isp.french_company_id)
    for n in range(3):
        contact = await add_contact(pool, isp, account, f"Contact {n}")
        await add_number(pool, isp, contact, phone(100 + n), country="CA")
    answer = await preview(mass, spec())
    first, second = answer.bodies
    assert (first.company_id, first.language, first.recipients) == (
        str(isp.company_id),
        language_pb2.LANGUAGE_EN,
        30,
    )
    assert (second.company_id, second.language, second.recipients) == (
        str(isp.french_company_id),
        language_pb2.LANGUAGE_FR,
        3,
    )
    assert "Northwind Fiber" in first.body.text and "Fibre Boréale" in second.body.text
    assert answer.recipients == 33
    for field in ("billable_segments", "carrier_segments"):
        each = [30 * getattr(first.body, field), 3 * getattr(second.body, field)]
        assert getattr(answer, field) == sum(each)
    assert (answer.cost_micros, answer.currency) == (answer.billable_segments * 15_000, "USD")
    assert answer.time_to_finish.seconds == -(-answer.carrier_segments // 10)
    assert (
        "Fibre Boréale has no e-mail address for department Support: its sentence was dropped."
        in answer.warnings
    )


async def test_what_waits_for_the_number_already_comes_first_unless_it_is_paused(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 50)
    alone = await preview(mass, spec())
    await create(mass, spec())
    await expand_once(pool)
    both = await preview(mass, spec())
    assert both.time_to_finish.seconds == 2 * alone.time_to_finish.seconds
    await pool.execute("UPDATE dispatch SET due_time = 'infinity'")
    assert (await preview(mass, spec())).time_to_finish == alone.time_to_finish


async def test_a_validity_that_ends_before_the_sending_does_is_warned_of(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 50)
    slow = await add_sending_number(pool, isp.instance_id, "+12125550101", segments_per_second=0.1)
    given = spec(sending_number_id=str(slow), valid_for=timedelta(minutes=2))
    assert any("valid for 2 min only" in each for each in (await preview(mass, given)).warnings)
    given.valid_for.FromTimedelta(timedelta(hours=24))
    assert not any("valid for" in each for each in (await preview(mass, given)).warnings)


async def test_nobody_to_text_is_an_answer(mass: Any, pool: Pool, isp: Isp) -> None:
    await add_account(pool, isp, "1")
    answer = await preview(mass, spec())
    assert (answer.accounts, answer.contacts, answer.recipients) == (1, 0, 0)
    assert answer.cost_micros == 0 and not answer.bodies
    assert answer.time_to_finish.seconds == 0


async def test_a_preview_changes_nothing(mass: Any, pool: Pool, isp: Isp) -> None:
    await add_subscribers(pool, isp, 5)
    await preview(mass, spec())
    for table in ("mass_message", "body", "message", "dispatch", "status_event"):
        assert await pool.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_every_filter_narrows_and_all_of_them_must_match(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    site, other = await add_network_site(pool, isp, "A"), await add_network_site(pool, isp, "B")
    category = await add_category(pool, isp, "Outages")
    rich = await add_account(
        pool,
        isp,
        "rich",
        status="Suspended",
        type="Business",
        groups=["VIP", "Wave 1"],
        services=["Fiber 1G"],
        inventory_items=["OLT 7"],
        subnets=["203.0.113.0/24"],
        ip_pools=["Pool 1"],
        network_site_ids=[site, other],
        delinquent=True,
    )
    contact = await add_contact(pool, isp, rich, language="fr", message_category_ids=[category])
    await add_number(pool, isp, contact, phone(0))
    plain = await add_account(pool, isp, "plain")
    await add_number(pool, isp, await add_contact(pool, isp, plain), phone(1))
    matching: dict[str, Any] = {
        "account_ids": [str(rich)],
        "company_ids": [str(isp.company_id)],
        "account_statuses": ["Suspended", "Nobody"],
        "account_types": ["Business"],
        "account_groups": ["Wave 1"],
        "services": ["Fiber 1G"],
        "inventory_items": ["OLT 7"],
        "subnets": ["203.0.113.0/24"],
        "ip_pools": ["Pool 1"],
        "network_site_ids": [str(other)],
        "languages": [language_pb2.LANGUAGE_FR],
        "message_category_ids": [str(category)],
        "delinquent": True,
    }
    missing: dict[str, Any] = {
        "account_ids": [str(plain)],
        "company_ids": [str(isp.french_company_id)],
        "network_site_ids": [str(await add_network_site(pool, isp, "C"))],
        "languages": [language_pb2.LANGUAGE_EN],
        "message_category_ids": [str(await add_category(pool, isp, "Billing"))],
        "delinquent": False,
    }

    async def recipients(filters: dict[str, Any]) -> int:
        found: int = (await preview(mass, spec(audience=pb.Audience(**filters)))).recipients
        return found

    for name, value in matching.items():
        assert await recipients({name: value}) == (2 if name == "company_ids" else 1), name
    assert await recipients(matching) == 1
    for name in matching:
        assert await recipients({**matching, name: missing.get(name, ["Nobody"])}) == 0, name


async def test_ids_that_are_not_of_the_instance_are_refused(
    mass: Any, pool: Pool, isp: Isp, other_instance: Tenant
) -> None:
    other = await make_isp(pool, instance_id=other_instance.instance.id, sender="+14165550100")
    account = await add_account(pool, other, "1")
    site = await add_network_site(pool, other, "A")
    signature = await add_signature(pool, other.instance_id, other.department_id, "Theirs")
    cases: list[tuple[dict[str, Any], str]] = [
        ({"signature_id": str(signature)}, "SIGNATURE_NOT_FOUND"),
        ({"sending_number_id": str(other.sending_number_id)}, "SENDING_NUMBER_NOT_FOUND"),
        ({"audience": pb.Audience(account_ids=[str(account)])}, "ACCOUNT_NOT_FOUND"),
        ({"audience": pb.Audience(company_ids=[str(other.company_id)])}, "COMPANY_NOT_FOUND"),
        ({"audience": pb.Audience(network_site_ids=[str(site)])}, "NETWORK_SITE_NOT_FOUND"),
        (
            {"audience": pb.Audience(message_category_ids=[str(site)])},
            "MESSAGE_CATEGORY_NOT_FOUND",
        ),
    ]
    for fields, reason in cases:
        for call in (preview(mass, spec(**fields)), create(mass, spec(**fields))):
            told = await failure(call)
            assert (told.code, told.reason) == (Code.NOT_FOUND, reason)


async def make_random_directory(pool: Pool, isp: Isp, chance: random.Random) -> None:
    """Accounts, contacts and numbers with every property that decides who gets which text."""
    companies = [isp.company_id, isp.french_company_id]
    for n in range(40):
        account = await add_account(
            pool,
            isp,
            f"R{n}",
            company_id=chance.choice(companies),
            language=chance.choice([None, None, "en", "fr"]),
            services=chance.sample(["A", "B", "C"], chance.randrange(3)),
            delinquent=chance.random() < 0.3,
        )
        for k in range(chance.randrange(4)):
            contact = await add_contact(
                pool,
                isp,
                account,
                f"Contact {k}",
                is_primary=k == 1,
                language=chance.choice([None, "en", "fr"]),
            )
            if chance.random() < 0.1:
                await pool.execute("UPDATE contact SET delete_time = now() WHERE id = $1", contact)
            for number in chance.sample(range(60), chance.randrange(3)):
                await add_number(
                    pool,
                    isp,
                    contact,
                    phone(number),
                    country=chance.choice(["US", "US", "CA", "CA", "JM"]),
                    opted_in=chance.random() < 0.8,
                    capable=chance.random() < 0.9,
                )
    await pool.executemany(
        "INSERT INTO suppression (e164, source) VALUES ($1, 1)",
        [(phone(n),) for n in chance.sample(range(60), 5)],
    )


def random_audience(chance: random.Random) -> pb.Audience:
    audience = pb.Audience()
    if chance.random() < 0.5:
        audience.services.extend(chance.sample(["A", "B", "C"], 2))
    if chance.random() < 0.5:
        audience.languages.append(chance.choice(list(LANGUAGES.values())))
    if chance.random() < 0.5:
        audience.delinquent = chance.random() < 0.5
    if not audience.ByteSize():
        audience.all_accounts = True
    return audience


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_sent_is_what_the_preview_said_whatever_the_directory(
    mass: Any, pool: Pool, isp: Isp, seed: int
) -> None:
    chance = random.Random(seed)
    await make_random_directory(pool, isp, chance)
    for _ in range(3):
        given = spec(audience=random_audience(chance))
        said = await preview(mass, given)
        if not said.recipients:
            told = await failure(create(mass, given))
            assert told.reason == "NO_RECIPIENTS"
            assert told.metadata == {"accounts": str(said.accounts)}
            continue
        made = await create(mass, given)
        while await expand_once(pool, chance.randrange(1, 9)):
            pass
        await check_sent(pool, UUID(made.mass_message_id), said)


async def check_sent(
    pool: Pool, mass_message_id: UUID, said: pb.PreviewMassMessageResponse
) -> None:
    rows = await pool.fetch(
        "SELECT b.company_id, b.language, b.text, m.phone, m.billable_segments, "
        "m.carrier_segments, m.cost_micros FROM message m JOIN body b ON b.id = m.body_id "
        "WHERE m.mass_message_id = $1",
        mass_message_id,
    )
    texts = Counter((str(r["company_id"]), LANGUAGES[r["language"]], r["text"]) for r in rows)
    assert texts == {(b.company_id, b.language, b.body.text): b.recipients for b in said.bodies}
    assert len({row["phone"] for row in rows}) == len(rows) == said.recipients
    assert sum(row["billable_segments"] for row in rows) == said.billable_segments
    assert sum(row["carrier_segments"] for row in rows) == said.carrier_segments
    assert sum(row["cost_micros"] for row in rows) == said.cost_micros


async def test_the_outage_times_are_shown_in_the_instance_s_zone(
    mass: Any, pool: Pool, isp: Isp
) -> None:
    await add_subscribers(pool, isp, 1)
    start = datetime.now(UTC).replace(minute=7) - timedelta(days=2)
    answer = await preview(mass, spec(outage_start_time=start))
    assert ":07" in answer.bodies[0].body.text
