"""Nights on which clocks change, from dusk to dawn, with a running dispatcher and the test clock.

At every edge of every window, and shortly before it, each group gets one more triggered message;
which of them have gone is compared with instants that were worked out by hand.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from uuid import UUID

import pytest

from outbound_sms.domain.quiet_hours import QuietHours, QuietMode
from outbound_sms.store.pool import Pool, SessionRole, open_pool
from tests.clock import DatabaseClock
from tests.dispatch.checks import check_history
from tests.dispatch.queue_factory import Queued, add_triggered, fill_queue, set_quiet_hours
from tests.dispatch.running import dispatching, seen_by_dispatcher
from tests.dispatch.scripted_carrier import ScriptedCarrier

SHORTLY = timedelta(seconds=30)


@dataclass(slots=True)
class Case:
    """Messages to recipients of one key, of the instance of that name, which is in New York.

    `held` are the spans of the night, UTC, in which they must not be handed over. `checked` are the
    zones that the proof must name.
    """

    instance: str
    hours: QuietHours
    zones: str
    checked: str
    held: Sequence[tuple[datetime, datetime]]
    added: list[UUID] = field(default_factory=list)
    gone: set[UUID] = field(default_factory=set)

    def is_held(self, now: datetime) -> bool:
        """Whether it is quiet for them."""
        return any(start <= now < end for start, end in self.held)

    @property
    def proof(self) -> str:
        """What is kept with each of the messages."""
        hours = self.hours
        return f"{hours.mode.name} {hours.start:%H:%M}-{hours.end:%H:%M} {self.checked}"


def spans(night: str, *edges: str) -> list[tuple[datetime, datetime]]:
    """Spans of UTC between pairs of `HH:MM` on the date `night`, with a `-` on the day before."""
    instants = [
        datetime.fromisoformat(f"{night}T{edge.removeprefix('-')}:00+00:00")
        - timedelta(days=edge.startswith("-"))
        for edge in edges
    ]
    return list(zip(instants[::2], instants[1::2], strict=True))


def hours(window: str, mode: QuietMode = QuietMode.INSTANCE) -> QuietHours:
    """The quiet hours of `HH:MM-HH:MM`."""
    start, end = map(time.fromisoformat, window.split("-"))
    return QuietHours(start, end, mode)


NEW_YORK, CHICAGO = "America/New_York", "America/Chicago"
BOTH = f"{CHICAGO},{NEW_YORK}"
LATE = hours("21:00-08:00")
RECIPIENT = hours("21:00-08:00", QuietMode.RECIPIENT)
SHORT_RECIPIENT = hours("22:00-01:30", QuietMode.RECIPIENT)
PHOENIX, ST_JOHNS = "America/Phoenix", "America/St_Johns"


def spring() -> list[Case]:
    """New York: at 07:00 UTC it is two in the morning, and then three."""
    night = "2027-03-14"
    of = {
        zones: spans(night, *edges)
        for zones, edges in {
            CHICAGO: ("03:00", "13:00"),
            BOTH: ("02:00", "13:00"),
            PHOENIX: ("04:00", "15:00"),
            ST_JOHNS: ("00:30", "10:30"),
        }.items()
    }
    return [
        Case("a", LATE, "America/Los_Angeles", NEW_YORK, spans(night, "02:00", "12:00")),
        Case("b", hours("22:00-02:30"), "*", NEW_YORK, spans(night, "03:00", "07:00")),
        Case("c", hours("02:00-03:00"), "*", NEW_YORK, []),
        Case("d", hours("02:15-06:00"), "*", NEW_YORK, spans(night, "07:00", "10:00")),
        Case("e", RECIPIENT, "*", NEW_YORK, spans(night, "02:00", "12:00")),
        *(Case("e", RECIPIENT, zones, zones, held) for zones, held in of.items()),
    ]


def fall() -> list[Case]:
    """New York: at 06:00 UTC it is two in the morning, and then one again."""
    night = "2027-11-07"
    of = {
        zones: spans(night, *edges)
        for zones, edges in {
            CHICAGO: ("02:00", "14:00"),
            BOTH: ("01:00", "14:00"),
            PHOENIX: ("04:00", "15:00"),
            ST_JOHNS: ("-23:30", "11:30"),
        }.items()
    }
    twice = spans(night, "02:00", "05:30", "06:00", "06:30")
    of_both = spans(night, "02:00", "06:30", "07:00", "07:30")
    split = spans(night, "05:30", "06:00", "06:30", "14:00")
    return [
        Case("a", LATE, "America/Los_Angeles", NEW_YORK, spans(night, "01:00", "13:00")),
        Case("b", hours("22:00-01:30"), "*", NEW_YORK, twice),
        Case("c", hours("01:30-09:00"), "*", NEW_YORK, split),
        Case("d", SHORT_RECIPIENT, BOTH, BOTH, of_both),
        Case("e", RECIPIENT, "*", NEW_YORK, spans(night, "01:00", "13:00")),
        *(Case("e", RECIPIENT, zones, zones, held) for zones, held in of.items()),
    ]


@pytest.fixture
async def clocked(clock: DatabaseClock) -> AsyncIterator[Pool]:
    """The test's own connections, by the time of `clock`."""
    async with await open_pool(
        clock.dsn, min_size=1, max_size=4, application_name="tests"
    ) as opened:
        yield opened


@pytest.fixture
async def queue(clock: DatabaseClock) -> AsyncIterator[Pool]:
    """Connections as the product gives them to its dispatcher, but by the time of `clock`."""
    async with await open_pool(
        clock.dsn,
        min_size=1,
        max_size=8,
        application_name="dispatcher",
        statement_timeout_ms=30_000,
        role=SessionRole.DISPATCHER,
        index_plans=True,
    ) as opened:
        yield opened


@pytest.mark.parametrize("cases", [spring(), fall()], ids=["spring", "fall"])
async def test_a_night_on_which_clocks_change(
    clock: DatabaseClock, clocked: Pool, queue: Pool, cases: list[Case]
) -> None:
    edges = {edge for case in cases for span in case.held for edge in span}
    steps = sorted({step for edge in edges for step in (edge - SHORTLY, edge)})
    await clock.set(steps[0])
    instances = await make_instances(clocked, cases)
    carrier = ScriptedCarrier()
    async with dispatching(queue, carrier):
        for now in steps:
            await clock.set(now)
            for case in cases:
                queued = instances[case.instance]
                case.added += await add_triggered(clocked, queued, 1, zones=case.zones)
            await seen_by_dispatcher(clocked, carrier)
            await check_gone(clocked, cases, now)
    assert not any(case.is_held(steps[-1]) for case in cases), "in the end all have gone"
    await check_evidence(clocked, cases)
    await check_history(clocked)
    messages = len(steps) * (len(cases) + 1)
    assert len({s.message_id for s in carrier.submissions}) == messages == len(carrier.submissions)


async def make_instances(pool: Pool, cases: Sequence[Case]) -> dict[str, Queued]:
    """An instance for each name, with its quiet hours."""
    made: dict[str, Queued] = {}
    for case in cases:
        if case.instance not in made:
            sender = f"+1212555010{len(made)}"
            made[case.instance] = await fill_queue(pool, 0, name=case.instance, sender=sender)
            await set_quiet_hours(pool, made[case.instance].instance_id, case.hours)
    return made


async def check_gone(pool: Pool, cases: Sequence[Case], now: datetime) -> None:
    """Whoever may be texted now has all messages; for the others nothing has changed."""
    rows = await pool.fetch("SELECT id FROM message WHERE status = 3")
    sent = {row["id"] for row in rows}
    for case in cases:
        if not case.is_held(now):
            case.gone = set(case.added)
        assert sent & set(case.added) == case.gone, (now.isoformat(), case.hours, case.zones)


async def check_evidence(pool: Pool, cases: Sequence[Case]) -> None:
    """Each message carries the proof of its quiet hours, and each attempt began outside of them."""
    rows = await pool.fetch(
        "SELECT m.id, m.quiet_check, a.submit_time FROM message m JOIN attempt a "
        "ON a.message_id = m.id WHERE m.kind = 2"
    )
    found = {row["id"]: row for row in rows}
    for case in cases:
        for message_id in case.added:
            assert found[message_id]["quiet_check"] == case.proof
            assert not case.is_held(found[message_id]["submit_time"])
