"""STOP in the middle of large sends of two instances, and a webhook process killed at it.

The accept log of the sandbox is the oracle.
"""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from outbound_sms.cli.child import Child
from outbound_sms.store.pool import Pool
from tests.dispatch.checks import check_history, queue_is_empty
from tests.dispatch.money import balance
from tests.dispatch.queue_factory import PRICE
from tests.e2e.fleet import Fleet, fleet_of, kill, remove_numbers_that_fail
from tests.e2e.handsets import Handsets, handsets_of
from tests.factories import (
    PLENTY,
    Isp,
    add_mass_message,
    add_network_site,
    add_subscribers,
    make_isp,
)
from tests.waiting import wait_until

SUBSCRIBERS = 1_500
PHONES = 100
# Segments a second of each instance, so that most texts still wait when the phones answer.
RATE = 150
SENDERS = ("+12125550100", "+14165550100")
OUTAGE = "Northwind Fiber en"
ONE_SECOND = timedelta(seconds=1)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass(frozen=True, slots=True)
class Provider:
    """An instance, its sending number, and the site of those subscribers who text back."""

    isp: Isp
    sender: str
    site_id: UUID

    async def text_the_site(self, pool: Pool) -> UUID:
        """Sends to the accounts of the site; returns the mass message."""
        audience = json.dumps({"network_site_ids": [str(self.site_id)]})
        return await add_mass_message(pool, self.isp, audience=audience)


async def make_provider(pool: Pool, sender: str, subscribers: int, rate: float) -> Provider:
    """An instance whose subscribers have the same numbers as those of the others."""
    isp = await make_isp(pool, sender=sender, segments_per_second=rate)
    await add_subscribers(pool, isp, subscribers, first=1_000)
    return Provider(isp, sender, await add_network_site(pool, isp, "North Ridge"))


async def spread_phones(pool: Pool, count: int) -> list[str]:
    """So many of the numbers, evenly among the others in the order of sending; their accounts are
    put behind the site of each instance."""
    rows = await pool.fetch("SELECT DISTINCT e164 FROM phone_number ORDER BY e164")
    numbers = [row["e164"] for row in rows]
    chosen = numbers[:: len(numbers) // count][:count]
    assert len(chosen) == count
    await pool.execute(
        "UPDATE account a SET network_site_ids = ARRAY(SELECT s.id FROM network_site s "
        "WHERE s.instance_id = a.instance_id) FROM contact c JOIN phone_number p "
        "ON p.contact_id = c.id WHERE c.account_id = a.id AND p.e164 = ANY ($1)",
        chosen,
    )
    return chosen


async def opted_in(pool: Pool, phones: list[str]) -> int:
    """Flags of these numbers that are set, in all instances."""
    count: int = await pool.fetchval(
        "SELECT count(*) FROM phone_number WHERE e164 = ANY ($1) AND sms_opt_in", phones
    )
    return count


async def events(pool: Pool, phones: list[str], kind: int) -> int:
    """Consent events of a kind about these numbers, from texts of their owners."""
    count: int = await pool.fetchval(
        "SELECT count(*) FROM consent_event "
        "WHERE e164 = ANY ($1) AND kind = $2 AND actor = 'recipient'",
        phones,
        kind,
    )
    return count


async def suppressed(pool: Pool, phones: list[str]) -> set[str]:
    """Those of the numbers that nobody may text."""
    rows = await pool.fetch("SELECT e164 FROM suppression WHERE e164 = ANY ($1)", phones)
    return {row["e164"] for row in rows}


async def all_delivered(pool: Pool) -> bool:
    """Whether nothing is outstanding, and every receipt has come."""
    underway = await pool.fetchval("SELECT count(*) FROM message WHERE status < 4")
    return not underway and await queue_is_empty(pool)


def replies(fleet: Fleet, phones: list[str]) -> Counter[str]:
    """How many texts other than that about the outage each of the phones got."""
    found = Counter(entry["to"] for entry in fleet.accept_entries() if entry["body"] != OUTAGE)
    return Counter({phone: found[phone] for phone in phones})


def begun_late(fleet: Fleet, handsets: Handsets) -> list[str]:
    """Phones that were texted about the outage more than a second after their STOP was answered."""
    return [
        entry["to"]
        for entry in fleet.accept_entries()
        if entry["body"] == OUTAGE
        and entry["to"] in handsets.answered
        and datetime.fromisoformat(entry["time"]) > handsets.answered[entry["to"]] + ONE_SECOND
    ]


async def check_what_became_of_it(
    pool: Pool, fleet: Fleet, providers: list[Provider], phones: list[str]
) -> int:
    """Each text was either accepted, once, or failed because of the STOP, and was paid for
    accordingly. Returns how many failed."""
    reached = Counter(
        (entry["from"], entry["to"]) for entry in fleet.accept_entries() if entry["body"] == OUTAGE
    )
    assert set(reached.values()) == {1}
    failed = 0
    for provider in providers:
        rows = await pool.fetch(
            "SELECT phone, status, reject_reason FROM message WHERE instance_id = $1 AND kind = 1",
            provider.isp.instance_id,
        )
        sent = 0
        for row in rows:
            if (provider.sender, row["phone"]) in reached:
                assert row["status"] == 4, dict(row)
                sent += 1
            else:
                assert (row["status"], row["reject_reason"]) == (5, "POLICY.OPTED_OUT"), dict(row)
                assert row["phone"] in phones, "failed without a STOP"
                failed += 1
        spent = sent * PRICE
        assert await balance(pool, provider.isp.instance_id) == (PLENTY - spent, 0, spent)
    return failed


async def test_a_stop_in_the_middle_of_two_large_sends_is_the_end_of_both_until_start(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    providers = [await make_provider(pool, sender, SUBSCRIBERS, RATE) for sender in SENDERS]
    texts = await remove_numbers_that_fail(pool)
    phones = await spread_phones(pool, PHONES)
    wrote_to = {phone: SENDERS[i % 2] for i, phone in enumerate(phones)}
    async with fleet_of(database_url, tmp_path) as fleet:
        await fleet.start_carrier(lookup=True)
        for provider in providers:
            await add_mass_message(pool, provider.isp)
        for _ in range(2):
            await fleet.server("dispatcher").start("http")
        async with handsets_of(fleet.carrier_url) as handsets:
            await wait_until(
                lambda: len(fleet.accept_entries()) > texts * 0.12, 30, "an eighth is sent"
            )
            assert await handsets.all_text(wrote_to, "Stop texting me!") == []
            assert await suppressed(pool, phones) == set(phones)
            assert await opted_in(pool, phones) == 0
            waiting = await pool.fetchval(
                "SELECT count(*) FROM dispatch d JOIN message m ON m.id = d.message_id "
                "WHERE m.phone = ANY ($1) AND m.kind <> 3 AND d.owner IS NULL "
                "AND d.in_doubt_since IS NULL",
                phones,
            )
            assert waiting == 0
            again = dict.fromkeys(phones[:10], SENDERS[0])
            stopped_at = dict(handsets.answered)
            assert await handsets.all_text(again, "STOP") == []
            handsets.answered = stopped_at
            for provider in providers:
                await provider.text_the_site(pool)
            await wait_until(lambda: all_delivered(pool), 40, "everything has come to an end")
            assert begun_late(fleet, handsets) == []
            assert set(replies(fleet, phones).values()) == {1}, "one confirmation each"
            assert await events(pool, phones, 2) == 2 * PHONES
            failed = await check_what_became_of_it(pool, fleet, providers, phones)
            assert failed > PHONES // 2, "so few still waited that the test tested little"
            made = await pool.fetchval("SELECT count(*) FROM message WHERE kind = 1")
            assert made == texts, "the second sends reached somebody who had replied STOP"
            await start_again(pool, fleet, providers, handsets, wrote_to)
    await check_history(pool)


async def start_again(
    pool: Pool,
    fleet: Fleet,
    providers: list[Provider],
    handsets: Handsets,
    wrote_to: dict[str, str],
) -> None:
    """All of them reply START, and the next send reaches each, once from either instance."""
    phones = list(wrote_to)
    before = len(fleet.accept_entries())
    assert await handsets.all_text(wrote_to, "start") == []
    assert await suppressed(pool, phones) == set()
    assert await opted_in(pool, phones) == 2 * PHONES
    assert await events(pool, phones, 3) == 2 * PHONES
    for provider in providers:
        await provider.text_the_site(pool)
    await wait_until(
        lambda: len(fleet.accept_entries()) >= before + 3 * PHONES, 20, "all were texted again"
    )
    await wait_until(lambda: all_delivered(pool), 20, "everything has come to an end again")
    later = fleet.accept_entries()[before:]
    reached = Counter((entry["from"], entry["to"]) for entry in later if entry["body"] == OUTAGE)
    assert reached == Counter((sender, phone) for sender in SENDERS for phone in phones)
    assert set(replies(fleet, phones).values()) == {2}, "one more confirmation each"


async def kill_amid_stops(
    webhooks: Child, handsets: Handsets, wrote_to: dict[str, str]
) -> list[str]:
    """All of them reply STOP, and the process that takes it is killed as soon as it has answered
    some. Returns those that it has not answered."""
    replying = asyncio.create_task(handsets.all_text(wrote_to, "STOP"))
    await wait_until(lambda: len(handsets.answered) >= 3, 20, "some are answered")
    await kill(webhooks)
    unanswered = await replying
    assert unanswered, "all were answered before the kill, so the test tested little"
    return unanswered


async def check_all_or_nothing(pool: Pool, phones: list[str], answered: set[str]) -> None:
    """What was answered is suppressed, and whoever is has no flag left, and evidence of it."""
    stopped = await suppressed(pool, phones)
    assert answered <= stopped
    left = [phone for phone in phones if phone not in stopped]
    assert await opted_in(pool, list(stopped)) == 0
    assert await opted_in(pool, left) == 2 * len(left)
    assert await events(pool, list(stopped), 2) == 2 * len(stopped)
    assert await events(pool, left, 2) == 0


async def test_what_a_killed_webhook_process_had_answered_is_kept(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    providers = [await make_provider(pool, sender, 100, 1) for sender in SENDERS]
    texts = await remove_numbers_that_fail(pool)
    phones = await spread_phones(pool, 60)
    wrote_to = {phone: SENDERS[i % 2] for i, phone in enumerate(phones)}
    async with fleet_of(database_url, tmp_path) as fleet:
        await fleet.start_carrier(lookup=True)
        for provider in providers:
            await add_mass_message(pool, provider.isp)
        await fleet.server("dispatcher").start("http")
        async with handsets_of(fleet.carrier_url) as handsets:
            # By a first text the sandbox learns who takes what phones text back.
            await wait_until(fleet.accept_entries, 20, "something is sent")
            assert fleet.receipts is not None
            unanswered = await kill_amid_stops(fleet.receipts, handsets, wrote_to)
            await check_all_or_nothing(pool, phones, set(handsets.answered))
            await fleet.replace_receipts()
            rest = {phone: wrote_to[phone] for phone in unanswered}
            assert await handsets.all_text(rest, "STOP") == []
            await pool.execute("UPDATE sending_number SET segments_per_second = 500")
            await wait_until(lambda: all_delivered(pool), 30, "everything has come to an end")
            assert begun_late(fleet, handsets) == []
        assert await suppressed(pool, phones) == set(phones)
        assert set(replies(fleet, phones).values()) == {1}, "one confirmation each"
        failed = await check_what_became_of_it(pool, fleet, providers, phones)
        assert failed > len(phones)
        assert len(fleet.accept_entries()) == texts - failed + len(phones)
    await check_history(pool)
