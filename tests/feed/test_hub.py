"""The hub's memory: what it may leave out, and what it must own up to not having."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from outbound_sms.feed.epoch import Epochs
from outbound_sms.feed.hub import Hub
from outbound_sms.store.feed import Events, FeedRow
from outbound_sms.store.feed_upkeep import Epoch

A, B = uuid4(), uuid4()
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def row(pos: int, instance_id: UUID = A, events: int = 1) -> FeedRow:
    made = Events(
        ["m"] * events, [None] * events, [NOW] * events, [1] * events, [1] * events, [None] * events
    )
    return FeedRow(pos, instance_id, made)


def bare(pos: int, instance_id: UUID = A) -> FeedRow:
    return FeedRow(pos, instance_id, None)


async def test_rows_after_a_position_are_those_of_the_instance() -> None:
    hub = Hub()
    hub.restart(10)
    async with hub.subscribe(A) as reader, hub.subscribe(B):
        rows = [row(11), row(12, B), row(14)]
        hub.publish(rows)
        assert reader.rows_after(10) == [rows[0], rows[2]]
        assert reader.rows_after(11) == [rows[2]]
        assert reader.rows_after(14) == []
        assert hub.head == 14


async def test_what_came_before_the_subscription_is_not_in_memory() -> None:
    hub = Hub()
    hub.restart(10)
    hub.publish([bare(11)])
    async with hub.subscribe(A) as reader:
        assert reader.rows_after(10) is None
        assert reader.rows_after(11) == []


async def test_a_hub_that_has_not_begun_knows_nothing() -> None:
    hub = Hub()
    async with hub.subscribe(A) as reader:
        assert reader.rows_after(0) is None
        hub.restart(5)
        assert reader.rows_after(4) is None
        assert reader.rows_after(5) == []


async def test_rows_that_were_read_before_somebody_watched_are_not_passed_over() -> None:
    """The tailer asks for the instances that are watched, and a watch begins before it answers."""
    hub = Hub()
    hub.restart(10)
    async with hub.subscribe(A) as reader:
        hub.publish([bare(11), row(12)])
        assert reader.rows_after(10) is None
        assert [each.pos for each in reader.rows_after(11) or ()] == [12]


async def test_memory_is_bounded_by_events_and_the_oldest_go_first() -> None:
    hub = Hub(most_events=250)
    hub.restart(0)
    async with hub.subscribe(A) as reader, hub.subscribe(B) as other:
        hub.publish([row(1, A, 100), row(2, B, 100), row(3, A, 100), row(4, A, 10)])
        assert reader.rows_after(0) is None
        assert [each.pos for each in reader.rows_after(1) or ()] == [3, 4]
        assert [each.pos for each in other.rows_after(0) or ()] == [2]


async def test_rows_of_an_earlier_subscription_do_not_come_back() -> None:
    hub = Hub(most_events=250)
    hub.restart(0)
    async with hub.subscribe(A):
        hub.publish([row(1, A, 100), row(2, A, 100)])
    hub.publish([bare(3)])
    async with hub.subscribe(A) as reader:
        assert reader.rows_after(2) is None
        hub.publish([row(4, A, 100), row(5, A, 100)])
        assert [each.pos for each in reader.rows_after(3) or ()] == [4, 5]


async def test_only_readers_of_the_instance_wake() -> None:
    hub = Hub()
    hub.restart(0)
    async with hub.subscribe(A) as reader, hub.subscribe(B) as other:
        hub.publish([row(1)])
        assert await reader.wait(1)
        assert not await other.wait(0.01)
        assert not await reader.wait(0.01)
        hub.wake_all()
        assert await reader.wait(1)
        assert await other.wait(1)


async def test_a_new_epoch_takes_back_what_the_old_one_gave_out_beyond_its_end() -> None:
    hub = Hub()
    first = Epoch(1, 7, 1, 1)
    hub.set_epochs(Epochs([first]))
    hub.restart(0)
    async with hub.subscribe(A) as reader:
        hub.publish([row(n) for n in range(1, 9)])
        await reader.wait(1)
        hub.set_epochs(Epochs([first, Epoch(2, 7, 2, 6)]))
        assert hub.head == 5
        assert await reader.wait(1)
        assert reader.rows_after(4) is None
        assert reader.rows_after(5) == []
        hub.publish([row(6)])
        assert [each.pos for each in reader.rows_after(5) or ()] == [6]
