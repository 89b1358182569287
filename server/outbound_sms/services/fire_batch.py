"""A batch of events of one instance: a few look-ups, and one statement that makes all texts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import asyncpg

from outbound_sms.domain.errors import Conflict, Reason
from outbound_sms.domain.trigger_event import TriggerEvent
from outbound_sms.domain.trigger_match import FireOutcome, FireResult, TriggeredOutcome
from outbound_sms.domain.triggered_message import TriggeredMessage
from outbound_sms.rpc.once import ACQUIRE_TIMEOUT, ATTEMPTS
from outbound_sms.services.fire_plan import (
    Known,
    MatchedEvent,
    MessageIds,
    make_fire,
    match_event,
)
from outbound_sms.store import fires, settings, triggered_messages
from outbound_sms.store.fires import FireKey, NewFire, Sender
from outbound_sms.store.pool import Connection, Pool

Answer = FireResult | Exception
"""What an event came to, or why it could not be fired."""

_Draft = MatchedEvent | Exception


@dataclass(frozen=True, slots=True)
class _Plan:
    """What becomes of each event, and what is to be written for it."""

    events: Sequence[TriggerEvent]
    known: Known
    drafts: Sequence[_Draft]
    fires: Mapping[FireKey, NewFire]

    @property
    def keys_without_text(self) -> set[FireKey]:
        """Keys for which nothing is made, so that nothing would show that they are taken."""
        keys = {
            (message.id, event.event_key)
            for event in self.events
            for message in self.known.messages_for(event)
        }
        return keys - self.fires.keys()


async def fire_batch(
    pool: Pool, wake: Callable[[], None], instance_id: UUID, events: Sequence[TriggerEvent]
) -> list[Answer]:
    """Fires the events, and returns what each came to once that is durable.

    An event that cannot be fired has its error in the answer, and does no harm to the others. Of
    several events with one key the first makes the texts. The task must serve the instance; `wake`
    is called when texts were made.

    Raises what the database does, when nothing of the batch was made or nobody knows whether it
    was, and Conflict when deadlocks do not end.
    """
    for _ in range(ATTEMPTS):
        try:
            async with pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection:
                answers, made = await _fire(connection, instance_id, events)
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
            continue
        if made:
            wake()
        return answers
    raise Conflict(Reason.CONFLICT, "Other changes keep getting in the way; repeat the call.")


async def _fire(
    db: Connection, instance_id: UUID, events: Sequence[TriggerEvent]
) -> tuple[list[Answer], bool]:
    """The answers, and whether texts were made.

    Whether something was fired before is asked only where that makes a difference to what is
    written: elsewhere the keys tell, when they turn out to be taken.
    """
    known = await _look_up(db, instance_id, events)
    plan = await _make_plan(db, instance_id, known, events)
    doubtful = plan.keys_without_text
    before = await fires.find_fired(db, instance_id, doubtful) if doubtful else {}
    if before:
        known = replace(known, fired=before)
        plan = await _make_plan(db, instance_id, known, events)
    new = list(plan.fires.values())
    made = await fires.write_fires(db, instance_id, new) if new else {}
    fired = {**known.fired, **made}
    taken = plan.fires.keys() - made.keys()
    if taken:
        fired |= await fires.find_fired(db, instance_id, taken)
    unclaimed = set(made)
    return [_answer(draft, fired, unclaimed) for draft in plan.drafts], bool(made)


async def _look_up(db: Connection, instance_id: UUID, events: Sequence[TriggerEvent]) -> Known:
    types = {event.trigger.key for event in events}
    messages: dict[str, list[TriggeredMessage]] = {key: [] for key in types}
    for message in await triggered_messages.list_for_types(db, instance_id, list(types)):
        messages[message.trigger_type].append(message)
    found = await fires.find_accounts(
        db,
        instance_id,
        {event.account_id for event in events if event.account_id is not None},
        {event.account_number for event in events if event.account_id is None},
    )
    return Known(
        settings=await settings.get_sms_settings(db, instance_id),
        messages=messages,
        accounts={name: each for each in found for name in (each.id, each.account_number)},
        fired={},
    )


async def _make_plan(
    db: Connection, instance_id: UUID, known: Known, events: Sequence[TriggerEvent]
) -> _Plan:
    drafts = [_match(known, event) for event in events]
    pairs = {
        (match.message.id, draft.account.company_id)
        for draft in drafts
        if isinstance(draft, MatchedEvent)
        for match in draft.firing
    }
    senders: Mapping[tuple[UUID, UUID], Sender] = {}
    if pairs:
        message_ids, company_ids = map(set, zip(*pairs, strict=True))
        senders = await fires.find_senders(db, instance_id, message_ids, company_ids)
    new = _make_fires(known, senders, drafts)
    return _Plan(events, known, drafts, new)


def _match(known: Known, event: TriggerEvent) -> _Draft:
    try:
        return match_event(known, event)
    except Exception as error:
        return error


def _make_fires(
    known: Known, senders: Mapping[tuple[UUID, UUID], Sender], drafts: list[_Draft]
) -> dict[FireKey, NewFire]:
    """What is to be written, each key once. Where an event makes an error, that takes its place.

    An event of which one text cannot be made makes none, and leaves its keys to those behind it.
    """
    new: dict[FireKey, NewFire] = {}
    for place, draft in enumerate(drafts):
        if isinstance(draft, Exception):
            continue
        try:
            own: dict[FireKey, NewFire] = {}
            for match in draft.firing:
                key = draft.key_of(match)
                if key not in new:
                    sender = senders[match.message.id, draft.account.company_id]
                    own[key] = make_fire(known.settings, sender, draft, match)
            new |= own
        except Exception as error:
            drafts[place] = error
    return new


def _answer(draft: _Draft, fired: Mapping[FireKey, MessageIds], unclaimed: set[FireKey]) -> Answer:
    """`unclaimed` are the keys that this batch took, less those of the events before this one."""
    if isinstance(draft, Exception):
        return draft
    outcomes = []
    for match in draft.matches:
        key, outcome = draft.key_of(match), match.outcome
        if outcome is FireOutcome.FIRED and key in unclaimed:
            unclaimed.discard(key)
        elif key in fired and key not in unclaimed:
            outcome = FireOutcome.ALREADY_FIRED
        elif outcome is FireOutcome.FIRED:
            return Conflict(
                Reason.CONFLICT, "An event with this key was just forgotten; repeat the call."
            )
        made = outcome in (FireOutcome.FIRED, FireOutcome.ALREADY_FIRED)
        outcomes.append(TriggeredOutcome(match.message.id, outcome, fired[key] if made else ()))
    return FireResult(tuple(outcomes))
