"""Imports of rows, through real stubs."""

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
import pytest

from outbound_sms.store.pool import Pool
from outboundsms.v1 import contacts_pb2
from outboundsms.v1 import directory_pb2 as pb
from outboundsms.v1.contacts_pb2_grpc import ContactsStub
from outboundsms.v1.directory_pb2_grpc import DirectoryStub
from tests.services.directory_calls import (
    import_rows,
    make_company,
    make_type,
    refusals,
    row,
    written,
)
from tests.services.failures import failure_of
from tests.services.running import Stubs, Tenant
from tests.waiting import wait_until

TABLES = (
    "account",
    "company",
    "consent_event",
    "contact",
    "message_category",
    "network_site",
    "phone_number",
)
FULL = {
    "status": "Active",
    "type": "Residential",
    "groups": "VIP;Seasonal",
    "services": "Fiber 100",
    "inventory_items": "OLT-1",
    "subnets": "10.0.0.0/24",
    "ip_pools": "pool",
    "network_sites": "North;South",
    "language": "French",
    "delinquent": "no",
    "region": "ny",
    "contact_role": "Owner",
    "contact_primary": "yes",
    "contact_language": "en",
    "contact_email": "ada@example.com",
    "contact_time_zone": "America/Toronto",
    "message_categories": "Outages",
    "phone_extension": "7",
    "consent_source": "web",
    "consent_time": "2025-06-01",
}


@pytest.fixture
async def isp(stub: Stubs) -> Stubs:
    """An instance with a default company, Mobile and Landline."""
    await make_company(stub)
    await make_type(stub)
    await make_type(stub, "Landline", sms_capable=False)
    return stub


def rows(count: int, **texts: str) -> list[pb.ImportRow]:
    """Accounts N0, N1 ... with two contacts each, and a mobile number each."""
    return [
        row(
            n + 2,
            account_number=f"N{n // 2}",
            account_name=f"Account {n // 2}",
            contact_name=f"Person {n % 2}",
            phone_number=f"{212 + n // 100}-555-01{n % 100:02}",
            phone_type="mobile",
            sms_opt_in="yes" if n % 3 else "",
            **texts,
        )
        for n in range(count)
    ]


async def contents(pool: Pool) -> dict[str, list[Any]]:
    """Every row of the tables that an import writes, with the transaction that wrote it."""
    return {
        table: [
            tuple(found.values())
            for found in await pool.fetch(f"SELECT xmin::text, * FROM {table} ORDER BY id")
        ]
        for table in TABLES
    }


async def numbers(pool: Pool) -> dict[str, bool]:
    return {
        found["e164"]: found["sms_opt_in"]
        for found in await pool.fetch("SELECT e164, sms_opt_in FROM phone_number")
    }


async def test_a_row_becomes_an_account_a_contact_and_a_number(isp: Stubs) -> None:
    texts = FULL | {"contact_primary": "yes", "phone_type": "Mobile", "sms_opt_in": "Oui"}
    [answer] = await import_rows(
        isp, [row(contact_name="Zoé", phone_number="(514) 555-0123", **texts)]
    )
    assert answer.accepted == 1
    assert written(answer) == {
        "accounts_created": 1,
        "contacts_created": 1,
        "phone_numbers_created": 1,
    }
    found = await isp(DirectoryStub).GetAccount(pb.GetAccountRequest(account_number="A1"))
    account = found.account
    assert (account.name, account.status, account.type) == ("Ada Moreau", "Active", "Residential")
    assert list(account.groups) == ["VIP", "Seasonal"]
    assert account.region == "US-NY"
    assert len(account.network_site_ids) == 2
    listed = await isp(ContactsStub).ListContacts(contacts_pb2.ListContactsRequest())
    [contact] = listed.contacts
    assert (contact.name, contact.role, contact.primary) == ("Zoé", "Owner", True)
    assert contact.time_zone == "America/Toronto"
    assert len(contact.message_category_ids) == 1
    [number] = contact.phone_numbers
    assert (number.number, number.country, number.extension) == ("+15145550123", "CA", "7")
    assert number.sms_opt_in
    recorded = await isp(ContactsStub).ListConsentEvents(contacts_pb2.ListConsentEventsRequest())
    [event] = recorded.consent_events
    assert event.kind == contacts_pb2.CONSENT_EVENT_KIND_OPT_IN
    assert event.source == contacts_pb2.CONSENT_SOURCE_WEB
    assert event.evidence == "Import, line 2"
    assert event.occur_time.ToJsonString() == "2025-06-01T00:00:00Z"


async def test_a_repeated_import_changes_nothing(isp: Stubs, pool: Pool) -> None:
    texts = {key: text for key, text in FULL.items() if key != "contact_primary"}
    sent = rows(300, **texts)
    first = await import_rows(isp, sent[:150], sent[150:])
    assert sum(answer.accepted for answer in first) == 300
    before = await contents(pool)
    assert len(before["consent_event"]) == 200
    again = await import_rows(isp, sent[:100], sent[100:])
    assert [answer.accepted for answer in again] == [100, 200]
    assert all(written(answer) == {} for answer in again)
    assert await contents(pool) == before


async def test_an_absent_column_leaves_what_is_stored(isp: Stubs, pool: Pool) -> None:
    phone = {"contact_name": "Ada", "phone_number": "212-555-0101"}
    await import_rows(isp, [row(**FULL, **phone, phone_type="Mobile", sms_opt_in="yes")])
    before = await contents(pool)
    [answer] = await import_rows(isp, [row(**phone), row(3), row(4, **phone, sms_opt_in="")])
    assert answer.accepted == 3
    assert written(answer) == {}
    assert await contents(pool) == before


async def test_what_differs_is_counted_once_and_written(isp: Stubs, pool: Pool) -> None:
    phone = {"contact_name": "Ada", "phone_number": "212-555-0101"}
    await import_rows(isp, [row(**FULL, **phone, phone_type="Mobile", sms_opt_in="yes")])
    changed = FULL | {"groups": "", "region": "", "contact_role": "Boss", "phone_extension": "8"}
    sent = [row(n, **changed, **phone, phone_type="Landline") for n in (2, 3)]
    [answer] = await import_rows(isp, sent)
    assert written(answer) == {
        "accounts_changed": 1,
        "contacts_changed": 1,
        "phone_numbers_changed": 1,
    }
    assert await pool.fetchval("SELECT groups FROM account") == []
    assert await pool.fetchval("SELECT region FROM account") is None
    assert await pool.fetchval("SELECT version FROM contact") == 2
    assert await numbers(pool) == {"+12125550101": True}


async def test_wrong_rows_are_refused_with_line_and_column_and_the_rest_goes_in(
    isp: Stubs, pool: Pool
) -> None:
    sent = [
        row(2, account_number="A1"),
        row(3, account_number="A2", phone_number="212-555-CALL", language="Klingon"),
        row(4, account_number="A3", company="Nobody's", phone_number="12", delinquent="?"),
        row(5, account_number="A4", phone_number="212-555-0101", phone_type="Fax"),
        row(6, account_number="A5", phone_number="212-555-0102"),
        row(7, account_number="A6", parent_account_number="nobody"),
        row(8, account_number="A7", parent_account_number="A7"),
        row(9, account_number="A8", parent_account_number="A2"),
        row(10, account_number="A9", contact_name="a\x00b"),
        row(11, account_number="A10", colour="red"),
        row(12, account_number="A11", parent_account_number="A1"),
        row(13, account_number="A12", parent_account_number="A8"),
    ]
    [answer] = await import_rows(isp, sent)
    assert refusals(answer) == [
        (3, "language"),
        (3, "phone_number"),
        (4, "company"),
        (4, "delinquent"),
        (4, "phone_number"),
        (5, "phone_type"),
        (6, "phone_type"),
        (7, "parent_account_number"),
        (8, "parent_account_number"),
        (9, "parent_account_number"),
        (10, "contact_name"),
        (11, "colour"),
        (13, "parent_account_number"),
    ]
    assert answer.accepted == 2
    stored = await pool.fetch("SELECT account_number FROM account ORDER BY id")
    assert [found["account_number"] for found in stored] == ["A1", "A11"]
    reasons = " ".join(refused.reason for refused in answer.refused)
    assert not any(text in reasons for text in ("CALL", "Klingon", "Nobody", "Fax"))


async def test_a_later_row_wins_over_an_earlier_one(isp: Stubs, pool: Pool) -> None:
    phone = {"contact_name": "Ada", "phone_number": "212-555-0101", "phone_type": "Mobile"}
    sent = [
        row(2, status="Active", **phone, sms_opt_in="yes"),
        row(3, status="Inactive", **phone, sms_opt_in="no"),
    ]
    [answer] = await import_rows(isp, sent)
    assert (answer.accepted, answer.accounts_created, answer.phone_numbers_created) == (2, 1, 1)
    assert await pool.fetchval("SELECT status FROM account") == "Inactive"
    assert await numbers(pool) == {"+12125550101": False}
    [again] = await import_rows(isp, sent)
    assert written(again) == {}
    assert await pool.fetchval("SELECT count(*) FROM consent_event") == 0


async def test_one_name_in_several_spellings_is_one_contact(isp: Stubs, pool: Pool) -> None:
    spellings = ("Zoé Côté", "ZOÉ  CÔTÉ", "Zoe\u0301 Co\u0302te\u0301")
    sent = [row(n, contact_name=name) for n, name in enumerate(spellings, start=2)]
    for answers in (await import_rows(isp, sent), await import_rows(isp, *([r] for r in sent))):
        assert sum(answer.accepted for answer in answers) == 3
    assert await pool.fetchval("SELECT count(*) FROM contact") == 1
    assert await pool.fetchval("SELECT name FROM contact") == "Zoé Côté"


async def test_one_number_in_several_spellings_is_one_number(isp: Stubs, pool: Pool) -> None:
    spellings = ("212-555-0101", "+1 (212) 555 0101", "1.212.555.0101")
    sent = [
        row(n, contact_name="Ada", phone_number=number, phone_type="Mobile")
        for n, number in enumerate(spellings, start=2)
    ]
    [answer] = await import_rows(isp, sent)
    assert answer.phone_numbers_created == 1
    assert await numbers(pool) == {"+12125550101": False}


async def test_an_account_has_one_primary_contact(isp: Stubs, pool: Pool) -> None:
    async def primaries() -> list[str]:
        found = await pool.fetch("SELECT name FROM contact WHERE is_primary")
        return [each["name"] for each in found]

    ada = row(2, contact_name="Ada", contact_primary="yes")
    zoe = row(3, contact_name="Zoé", contact_primary="yes")
    [answer] = await import_rows(isp, [ada, zoe])
    assert answer.contacts_created == 2
    assert await primaries() == ["Zoé"]
    [answer] = await import_rows(isp, [ada, zoe])
    assert written(answer) == {}
    [answer] = await import_rows(isp, [ada])
    assert written(answer) == {"contacts_changed": 2}
    assert await primaries() == ["Ada"]
    new = row(4, contact_name="New", contact_primary="yes")
    await import_rows(isp, [new, row(5, contact_name="Zoé", contact_role="x")])
    assert await primaries() == ["New"]


async def test_parents_may_come_after_their_children_in_one_request(isp: Stubs, pool: Pool) -> None:
    sent = [
        row(2, account_number="C", parent_account_number="P"),
        row(3, account_number="P"),
    ]
    [answer] = await import_rows(isp, sent)
    assert answer.accepted == 2
    [answer] = await import_rows(isp, [row(4, account_number="P", parent_account_number="C")])
    assert refusals(answer) == [(4, "parent_account_number")]
    swapped = [
        row(5, account_number="P", parent_account_number="C"),
        row(6, account_number="C", parent_account_number=""),
    ]
    [answer] = await import_rows(isp, swapped)
    assert written(answer) == {"accounts_changed": 2}


async def test_sites_and_categories_of_refused_rows_are_not_made(isp: Stubs, pool: Pool) -> None:
    wrong = row(2, network_sites="Typo", message_categories="Typo", phone_number="1")
    right = row(3, network_sites="North; NORTH ;north", contact_name="Ada")
    await import_rows(isp, [wrong, right])
    assert [f["name"] for f in await pool.fetch("SELECT name FROM network_site")] == ["North"]
    assert not await pool.fetchval("SELECT count(*) FROM message_category WHERE name = 'Typo'")
    [again] = await import_rows(isp, [row(3, network_sites="NORTH")])
    assert written(again) == {}


async def test_a_row_without_company_needs_a_default_company(stub: Stubs) -> None:
    await make_company(stub, "Named", is_default=False)
    [answer] = await import_rows(stub, [row(2), row(3, account_number="A2", company="named")])
    assert refusals(answer) == [(2, "company")]
    assert answer.accounts_created == 1


async def test_a_number_without_type_takes_the_only_type(stub: Stubs, pool: Pool) -> None:
    await make_company(stub)
    sent = [row(2, phone_number="212-555-0101", contact_name="Ada")]
    assert refusals((await import_rows(stub, sent))[0]) == [(2, "phone_type")]
    await make_type(stub)
    assert (await import_rows(stub, sent))[0].phone_numbers_created == 1
    await make_type(stub, "Landline")
    assert (await import_rows(stub, sent))[0].accepted == 1


async def test_a_landline_keeps_its_opt_in_and_is_accepted(isp: Stubs, pool: Pool) -> None:
    sent = row(phone_number="212-555-0101", phone_type="landline", sms_opt_in="yes")
    [answer] = await import_rows(isp, [sent])
    assert answer.accepted == 1
    assert await numbers(pool) == {"+12125550101": True}


async def test_a_number_that_replied_stop_is_not_opted_in(isp: Stubs, pool: Pool) -> None:
    await pool.execute("INSERT INTO suppression (e164, source) VALUES ('+12125550101', 6)")
    phone = {"phone_number": "212-555-0101", "phone_type": "Mobile"}
    sent = [
        row(2, **phone, sms_opt_in="yes"),
        row(3, account_number="A2", **phone, sms_opt_in="no"),
        row(4, account_number="A3", **phone),
    ]
    [answer] = await import_rows(isp, sent)
    assert refusals(answer) == [(2, "sms_opt_in")]
    assert answer.accepted == 2
    assert await numbers(pool) == {"+12125550101": False}


async def test_an_import_does_not_undo_an_opt_out_by_hand(isp: Stubs, pool: Pool) -> None:
    contacts = isp(ContactsStub)
    sent = row(phone_number="212-555-0101", phone_type="Mobile", sms_opt_in="yes")
    await import_rows(isp, [sent])
    [contact] = (await contacts.ListContacts(contacts_pb2.ListContactsRequest())).contacts
    await contacts.SetSmsOptIn(
        contacts_pb2.SetSmsOptInRequest(
            phone_number_id=contact.phone_numbers[0].phone_number_id,
            source=contacts_pb2.CONSENT_SOURCE_PHONE,
        )
    )
    [answer] = await import_rows(isp, [sent])
    assert refusals(answer) == [(2, "sms_opt_in")]
    assert await numbers(pool) == {"+12125550101": False}
    # The consent is later than the opt-out: the database's clock says when that was.
    await pool.execute("UPDATE consent_event SET occur_time = '2026-01-01' WHERE kind = 2")
    for moment, accepted in (("2025-12-31", 0), ("2026-01-02", 1)):
        dated = row(phone_number="212-555-0101", sms_opt_in="yes", consent_time=moment)
        [answer] = await import_rows(isp, [dated])
        assert answer.accepted == accepted
    assert await numbers(pool) == {"+12125550101": True}
    kinds = await pool.fetch("SELECT kind, source FROM consent_event ORDER BY id")
    assert [tuple(kind) for kind in kinds] == [(1, 7), (2, 2), (3, 7)]


async def test_an_import_opts_out_and_in_again_what_an_import_said(isp: Stubs, pool: Pool) -> None:
    for text in ("yes", "no", "no", "yes"):
        sent = row(phone_number="212-555-0101", phone_type="Mobile", sms_opt_in=text)
        [answer] = await import_rows(isp, [sent])
        assert answer.accepted == 1
    kinds = await pool.fetch("SELECT kind FROM consent_event ORDER BY id")
    assert [kind["kind"] for kind in kinds] == [1, 2, 3]


async def test_two_imports_of_the_same_rows_at_once_make_each_thing_once(
    isp: Stubs, pool: Pool
) -> None:
    sent = rows(200, **{key: text for key, text in FULL.items() if key != "contact_primary"})
    parts = [sent[n : n + 40] for n in range(0, 200, 40)]
    orders: Sequence[Sequence[list[pb.ImportRow]]] = (
        parts,
        parts[::-1],
        [part[::-1] for part in parts],
        [part[::-1] for part in parts[::-1]],
    )
    answers = await asyncio.gather(*(import_rows(isp, *order) for order in orders))
    assert all(sum(answer.accepted for answer in each) == 200 for each in answers)
    created = [answer.contacts_created for each in answers for answer in each]
    assert sum(created) == 200
    for table, count in (("account", 100), ("contact", 200), ("phone_number", 200)):
        assert await pool.fetchval(f"SELECT count(*) FROM {table}") == count
    assert await pool.fetchval("SELECT count(*) FROM consent_event") == 133


async def test_imports_and_changes_by_hand_at_once_all_succeed(isp: Stubs, pool: Pool) -> None:
    contacts = isp(ContactsStub)
    sent = rows(100, contact_role="Imported")
    await import_rows(isp, sent)
    listed = await contacts.ListContacts(contacts_pb2.ListContactsRequest(page_size=100))

    async def change(n: int) -> None:
        contact = listed.contacts[n]
        for role in ("Owner", "Manager"):
            update = contacts_pb2.UpdateContactRequest(
                contact=contacts_pb2.Contact(contact_id=contact.contact_id, role=role)
            )
            update.update_mask.paths.append("role")
            await contacts.UpdateContact(update)
            await contacts.SetSmsOptIn(
                contacts_pb2.SetSmsOptInRequest(
                    phone_number_id=contact.phone_numbers[0].phone_number_id,
                    sms_opt_in=role == "Owner",
                    source=contacts_pb2.CONSENT_SOURCE_AGENT,
                    evidence="said so",
                )
            )

    importing = asyncio.create_task(
        import_rows(isp, *([*sent[n:], *sent[:n]] for n in range(0, 100, 10)))
    )
    await asyncio.gather(*(change(n) for n in range(20)))
    assert len(await importing) == 10
    assert await pool.fetchval("SELECT count(*) FROM contact") == 100


async def test_a_change_that_commits_while_rows_are_compared_is_kept(
    isp: Stubs, pool: Pool
) -> None:
    phone = {"phone_number": "212-555-0101", "phone_type": "Mobile"}
    await import_rows(isp, [row(**phone)])

    async def waits() -> bool:
        return bool(
            await pool.fetchval(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE phone_number SET sms_opt_in = true, version = version + 1")
        sent = [row(**phone, phone_extension="7")]
        importing = asyncio.create_task(import_rows(isp, sent))
        await wait_until(waits, describe="the import waits for the number")
    [answer] = await importing
    assert written(answer) == {"phone_numbers_changed": 1}
    number = await pool.fetchrow("SELECT sms_opt_in, extension, version FROM phone_number")
    assert tuple(number or ()) == (True, "7", 3)


async def test_rows_of_another_instance_are_not_seen(
    isp: Stubs, pool: Pool, other_instance: Tenant
) -> None:
    await make_company(isp, "Theirs", other_instance.key)
    await make_type(isp, key=other_instance.key)
    sent = rows(20, network_sites="North")
    await import_rows(isp, sent)
    [answer] = await import_rows(isp, sent, key=other_instance.key)
    assert (answer.accounts_created, answer.contacts_created) == (10, 20)
    [answer] = await import_rows(isp, [row(company="Northwind")], key=other_instance.key)
    assert refusals(answer) == [(2, "company")]
    mixed = await pool.fetchval(
        "SELECT count(*) FROM account a JOIN company c ON c.id = a.company_id "
        "JOIN network_site s ON s.id = ANY (a.network_site_ids) "
        "WHERE a.instance_id <> c.instance_id OR a.instance_id <> s.instance_id"
    )
    assert mixed == 0


async def test_a_request_that_is_no_part_of_a_file_ends_the_stream(isp: Stubs, pool: Pool) -> None:
    for wrong, field in (
        ([], "rows"),
        ([row()] * 1_001, "rows"),
        ([row(0)], "rows[0].line"),
        ([row(1), row(-1)], "rows[1].line"),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await import_rows(isp, [row(2)], wrong, [row(3, account_number="late")])
        told = failure_of(caught.value)
        assert told.code is grpc.StatusCode.INVALID_ARGUMENT
        assert told.violations.keys() == {field}
    stored = await pool.fetch("SELECT account_number FROM account")
    assert [found["account_number"] for found in stored] == ["A1"]


async def test_hostile_texts_are_only_texts(isp: Stubs, pool: Pool) -> None:
    name = "'; DROP TABLE account; -- %s {0} \\ \" |COMPANY|"
    sent = [
        row(2, account_number=name, account_name=name, groups=name, network_sites=name),
        row(3, account_name="x" * 1_000_000),
        row(4, **{"x\n" * 100: "y"}),
        row(5, contact_name="\u202e" + "z" * 10, account_number="A5"),
    ]
    [answer] = await import_rows(isp, sent)
    assert refusals(answer) == [(3, "account_name"), (4, "(unnamed)")]
    assert await pool.fetchval("SELECT name FROM account ORDER BY id LIMIT 1") == name


async def test_a_contact_takes_20_numbers_and_no_more(isp: Stubs) -> None:
    sent = [
        row(n + 2, contact_name="Ada", phone_number=f"212-555-01{n:02}", phone_type="Mobile")
        for n in range(22)
    ]
    for _ in range(2):
        [answer] = await import_rows(isp, sent)
        assert answer.accepted == 20
        assert refusals(answer) == [(22, "phone_number"), (23, "phone_number")]
