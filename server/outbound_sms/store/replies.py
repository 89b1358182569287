"""What people text back: each text is stored and acted on in one transaction, once."""

from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never
from uuid import UUID

import asyncpg
import structlog

from outbound_sms.domain.billing_rule import BillingRule
from outbound_sms.domain.body import Body, compose_body
from outbound_sms.domain.consent import LONGEST_EVIDENCE, ConsentSource
from outbound_sms.domain.keyword import Keyword, Meaning
from outbound_sms.domain.keyword_reply import reply_text
from outbound_sms.domain.language import Language
from outbound_sms.domain.sending_number import KeywordReplies
from outbound_sms.store.pool import Connection, Pool
from outbound_sms.store.sql import load
from outbound_sms.store.suppressions import suppress

_SQL = load("replies")

log = structlog.get_logger(__name__)

REPLY_VALIDITY = timedelta(minutes=5)
"""A confirmation within this time is taken to be wanted; a later one is not sent at all
(47 CFR 64.1200(a)(12))."""

HELP_ANSWERS, HELP_PERIOD = 5, timedelta(hours=1)
"""So many answers to HELP go to a number from one sending number in this time, since programs that
answer every text would otherwise have a conversation with this one."""

OPTED_OUT = "POLICY.OPTED_OUT"
ACTOR = "recipient"
"""Who the consent events of a reply say it was: nobody but the holder of the number."""

ACQUIRE_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text that `sender_e164` wrote, to the sending number `recipient_e164`."""

    carrier: str
    carrier_message_id: str
    sender_e164: str
    recipient_e164: str
    body: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a text. `repeated`: it was here before, and nothing was done. `failed` counts
    the texts that a STOP kept from being sent; `reply_id` is the message that answers, if one does.
    """

    repeated: bool = False
    failed: int = 0
    reply_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Effect:
    """`answer`: what was done is to be confirmed, or what was asked to be answered."""

    answer: bool
    failed: int = 0


async def take_reply(pool: Pool, inbound: InboundText, keyword: Keyword) -> Taken | None:
    """Stores a text and does what it says: all or nothing, and once for each id of its carrier.

    STOP suppresses the number, clears its opt-ins and fails the texts that wait for it, in every
    instance or, where the operator of the service has decided so, in the one that was written to
    (`store.opt_out_policy`; 47 CFR 64.1200(a)(10)); START takes back what STOP did to the number
    and its opt-ins. Each is confirmed if it changed something, and HELP is answered, where the
    sending number's keywords are ours to answer.
    None when `recipient_e164` is no sending number: nothing is stored then.
    """
    try:
        async with (
            pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection,
            connection.transaction(),
        ):
            return await _take(connection, inbound, keyword)
    except asyncpg.UniqueViolationError:
        # Its id came from another number at the same time; texts of one number wait for each other.
        return Taken(repeated=True)


async def _take(connection: Connection, inbound: InboundText, keyword: Keyword) -> Taken | None:
    # Statements of their own: what comes next is read after the wait.
    await connection.execute(_SQL["take_turn"], inbound.sender_e164)
    await connection.execute(_SQL["plan_by_index"])
    source = (inbound.carrier, inbound.carrier_message_id)
    if await connection.fetchval(_SQL["is_stored"], *source):
        return Taken(repeated=True)
    ours = await connection.fetchrow(_SQL["find_sending_number"], inbound.recipient_e164)
    if ours is None:
        return None
    effect = await _act(connection, inbound, keyword.meaning, ours)
    reply_id = None
    if effect.answer and ours["keyword_replies"] == KeywordReplies.US:
        reply_id = await _answer(connection, inbound, keyword, ours)
    await connection.execute(
        _SQL["store"],
        ours["instance_id"],
        ours["id"],
        *source,
        inbound.sender_e164,
        inbound.body,
        keyword.meaning,
        reply_id,
    )
    return Taken(failed=effect.failed, reply_id=reply_id)


async def _act(
    connection: Connection, inbound: InboundText, meaning: Meaning, ours: asyncpg.Record
) -> _Effect:
    match meaning:
        case Meaning.STOP:
            return await _stop(connection, inbound, ours)
        case Meaning.START:
            return await _start(connection, inbound, ours)
        case Meaning.HELP:
            answers = await connection.fetchval(
                _SQL["count_answers"],
                inbound.sender_e164,
                ours["id"],
                meaning,
                HELP_PERIOD,
            )
            return _Effect(answer=answers < HELP_ANSWERS)
        case Meaning.UNCLEAR:
            return _Effect(answer=False)
        case _:
            assert_never(meaning)


async def _stop(connection: Connection, inbound: InboundText, ours: asyncpg.Record) -> _Effect:
    """Balances are locked by the failing, after which nothing is waited for any more."""
    e164, scope = inbound.sender_e164, ours["scope"]
    await connection.execute(_SQL["lock_numbers"], e164)
    new = await suppress(
        connection,
        e164,
        source=ConsentSource.SMS,
        actor=ACTOR,
        evidence=inbound.body[:LONGEST_EVIDENCE],
        scope=scope,
        written_to=ours["instance_id"],
    )
    await connection.execute(_SQL["forget_unfunded"], e164, scope)
    # The answers that wait after a first STOP are its confirmation, and what was asked since then.
    failed: int = await connection.fetchval(_SQL["fail_waiting"], e164, OPTED_OUT, new, scope)
    return _Effect(answer=new, failed=failed)


async def _start(connection: Connection, inbound: InboundText, ours: asyncpg.Record) -> _Effect:
    e164, scope = inbound.sender_e164, ours["scope"]
    lifted: bool = await connection.fetchval(_SQL["lift"], e164, scope)
    await connection.execute(_SQL["lock_numbers"], e164)
    restored = await connection.fetchval(
        _SQL["restore"],
        e164,
        ConsentSource.SMS,
        ACTOR,
        inbound.body[:LONGEST_EVIDENCE],
        scope,
        ours["instance_id"],
        lifted,
    )
    return _Effect(answer=lifted or restored > 0)


async def _answer(
    connection: Connection, inbound: InboundText, keyword: Keyword, ours: asyncpg.Record
) -> UUID | None:
    """Puts the answer into the queue, from the number that was written to; its id."""
    instance_id, sending_number_id = ours["instance_id"], ours["id"]
    whom = await connection.fetchrow(
        _SQL["find_correspondent"], instance_id, sending_number_id, inbound.sender_e164
    )
    assert whom is not None
    language = _language(keyword, whom["language"])
    try:
        body = _compose(keyword.meaning, language, whom)
    except ValueError as error:
        # A company whose name cannot be shown must not keep a STOP from being carried out.
        log.error("no answer", action="reply", instance_id=instance_id, cause=type(error).__name__)
        return None
    reply_id: UUID = await connection.fetchval(
        _SQL["write_reply"],
        instance_id,
        whom["account_id"],
        whom["contact_id"],
        sending_number_id,
        inbound.sender_e164,
        language,
        body.text,
        body.encoding,
        body.characters,
        body.billable_segments,
        body.carrier_segments,
        REPLY_VALIDITY,
    )
    return reply_id


def _language(keyword: Keyword, texted_in: str | None) -> Language:
    """That of the keyword; where that is English, which STOP and INFO are taken for, the language
    in which the number was texted: our own French texts say "Répondez STOP"."""
    if keyword.language is not Language.EN or texted_in is None:
        return keyword.language
    return Language(texted_in)


def _compose(meaning: Meaning, language: Language, whom: asyncpg.Record) -> Body:
    text = reply_text(
        meaning,
        language,
        whom["company_name"],
        phone_number=whom["phone_number"],
        email_address=whom["email_address"],
    )
    return compose_body(text, "", BillingRule(whom["billing_rule"]))
