"""When the stream of a mass message ends: not on counts from before its texts were requeued."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from outbound_sms.domain.audience import parse_audience
from outbound_sms.domain.mass_message import MassMessageState
from outbound_sms.domain.saved_messages import SavedMessageKey
from outbound_sms.services.mass_message_watch import watch
from outbound_sms.store.mass_counts import counts_follow
from outbound_sms.store.mass_messages import AcceptedMassMessage, Counts, MassMessage
from outbound_sms.store.pool import Pool
from tests.dispatch.queue_factory import fill_queue
from tests.factories import EVERYONE
from tests.feed.writer import change
from tests.ticks import tick

NOW = datetime(2026, 1, 8, 3, 0, tzinfo=UTC)
FINISHED = MassMessage(
    id=uuid4(),
    accepted=AcceptedMassMessage(
        saved_message=SavedMessageKey.UNPLANNED_OUTAGE_NO_ETA,
        signature_id=uuid4(),
        sending_number_id=uuid4(),
        outage_start_time=NOW,
        outage_end_time=None,
        audience=parse_audience(EVERYONE),
        valid_for=timedelta(hours=4),
        resend_unknown_outcome=False,
    ),
    state=MassMessageState.FINISHED,
    expanded=True,
    recipients=3,
    segments=3,
    number_rate=1.0,
    counts=Counts(0, 0, 1, 0, 0, 2),
    create_time=NOW,
    finish_time=NOW,
)
LATER = NOW + timedelta(minutes=1)
REQUEUED = replace(
    FINISHED, state=MassMessageState.SENDING, counts=Counts(2, 0, 1, 0, 0, 0), finish_time=None
)
ALL_SENT = replace(FINISHED, counts=Counts(0, 0, 3, 0, 0, 0), finish_time=LATER)


class Story:
    """What is read, time after time; the last is read for ever. Counts follow when it says so."""

    def __init__(self, *read: tuple[bool, MassMessage]) -> None:
        self._read = list(read)
        self.loads = 0

    async def load(self) -> MassMessage:
        self.loads += 1
        return self._read[min(self.loads, len(self._read)) - 1][1]

    async def counts_follow(self) -> bool:
        return self._read[min(self.loads, len(self._read) - 1)][0]

    async def shown(self) -> list[tuple[int, int]]:
        """Texts sent and without funds, in each answer of the stream."""
        stream = watch(self.load, self.counts_follow, asyncio.Event())
        async with asyncio.timeout(10):
            return [
                (answer.progress.sent, answer.progress.insufficient_funds)
                async for answer in stream
            ]


async def test_unpaid_texts_end_a_stream_as_soon_as_the_counts_are_known_to_be_whole() -> None:
    story = Story((True, FINISHED))
    assert await story.shown() == [(1, 2)]
    assert story.loads == 2


async def test_counts_that_are_behind_do_not_end_it() -> None:
    behind = replace(FINISHED, finish_time=LATER)
    story = Story((False, behind), (False, behind), (False, behind), (True, ALL_SENT))
    assert await story.shown() == [(1, 2), (3, 0)]


async def test_a_requeue_between_two_looks_does_not_end_it() -> None:
    """The counts followed when they were asked about, but of the end before."""
    behind = replace(FINISHED, finish_time=LATER)
    story = Story((True, FINISHED), (True, behind), (False, behind), (True, ALL_SENT))
    assert await story.shown() == [(1, 2), (1, 2), (3, 0)]


async def test_who_watches_sees_a_mass_message_open_again() -> None:
    story = Story((False, FINISHED), (False, FINISHED), (True, REQUEUED), (True, ALL_SENT))
    assert await story.shown() == [(1, 2), (1, 0), (3, 0)]


async def test_a_stream_without_unpaid_texts_ends_at_once() -> None:
    story = Story((False, ALL_SENT))
    assert await story.shown() == [(3, 0)]
    assert story.loads == 1


async def test_counts_follow_when_the_tick_has_seen_every_change_of_the_mass_message(
    pool: Pool,
) -> None:
    one = await fill_queue(pool, 2)
    other = await fill_queue(pool, 2, sender="+12025550198")

    async def follow() -> list[bool]:
        return [
            await counts_follow(pool, each.instance_id, each.mass_message_id)
            for each in (one, other)
        ]

    assert await follow() == [False, False]
    await tick(pool)
    assert await follow() == [True, True]
    await change(pool, one.message_ids[:1], 3)
    assert await follow() == [False, True]
    await tick(pool)
    assert await follow() == [True, True]
