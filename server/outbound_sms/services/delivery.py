"""What was sent and what became of it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from outbound_sms.domain.errors import NotFound, Reason, Violations
from outbound_sms.feed.cursor import Position
from outbound_sms.feed.feed import Feed
from outbound_sms.feed.stream import Start, WatchRequest
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import check_enum, parse_id
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import watch_answers
from outbound_sms.services.delivery_requeue import Requeueing
from outbound_sms.services.message_fields import show_details, show_message
from outbound_sms.services.message_filters import read_filter, read_span
from outbound_sms.services.quiet_hours_fields import show_quiet_hours
from outbound_sms.store import messages
from outbound_sms.store.coalesce import Coalescer
from outbound_sms.store.pool import Pool
from outbound_sms.store.tenant import set_tenant
from outboundsms.v1 import delivery_pb2, delivery_pb2_grpc

_ACQUIRE_TIMEOUT = 5.0
_BOOKMARK_SECONDS = 15.0


def _now() -> datetime:
    return datetime.now(UTC)


class Delivery(Requeueing, delivery_pb2_grpc.DeliveryServicer):
    """Serves `outboundsms.v1.Delivery`.

    `wake` tells the dispatcher of this process that texts are ready to go.
    """

    def __init__(
        self,
        pool: Pool,
        pages: Pages,
        once: Once,
        feed: Feed,
        wake: Callable[[], None],
        now: Callable[[], datetime] = _now,
    ) -> None:
        Requeueing.__init__(self, once, wake)
        self._pool = pool
        self._pages = pages
        self._feed = feed
        self._now = now
        self._messages = Coalescer[UUID, UUID, messages.Row](self._load)

    async def ListMessages(
        self, request: delivery_pb2.ListMessagesRequest, context: Any
    ) -> delivery_pb2.ListMessagesResponse:
        instance_id = current_caller().instance_id
        page = self._pages.read(request)
        after, position = _read_token(page.after)
        async with self._pool.acquire(timeout=_ACQUIRE_TIMEOUT) as connection:
            country = (
                await messages.country_of(connection, instance_id) if request.phone_number else None
            )
            wanted = read_filter(request, country)
            async with connection.transaction(readonly=True):
                rules = await messages.get_hold_rules(connection, instance_id)
                found = await messages.list_messages(
                    connection, instance_id, wanted, after, page.size + 1
                )
        # Every page carries the first one's cursor: from there nothing of any page is missed.
        position = position or Position(found.epoch, found.head)
        answer = delivery_pb2.ListMessagesResponse(
            messages=[show_message(row, rules) for row in found.rows[: page.size]],
            cursor=self._feed.cursors.encode(position, instance_id),
            quiet_hours=show_quiet_hours(rules.quiet_hours, rules.time_zone, rules.now),
        )
        if len(found.rows) > page.size:
            last = found.rows[page.size - 1]["id"]
            token = f"{last} {position.epoch} {position.pos}"
            answer.next_page_token = self._pages.next_token(request, token)
        return answer

    async def GetMessage(
        self, request: delivery_pb2.GetMessageRequest, context: Any
    ) -> delivery_pb2.GetMessageResponse:
        violations = Violations()
        message_id = parse_id(violations, "message_id", request.message_id)
        violations.raise_if_any()
        assert message_id is not None
        row = await self._messages.get(current_caller().instance_id, message_id)
        if row is None:
            raise NotFound(
                Reason.MESSAGE_NOT_FOUND,
                "There is no such message; list messages to find its id.",
                id=str(message_id),
            )
        return show_details(row)

    async def GetDeliveryStats(
        self, request: delivery_pb2.GetDeliveryStatsRequest, context: Any
    ) -> delivery_pb2.GetDeliveryStatsResponse:
        start, end = read_span(request, self._now())
        rows = await messages.count_messages(self._pool, current_caller().instance_id, start, end)
        return delivery_pb2.GetDeliveryStatsResponse(
            counts=[
                delivery_pb2.DeliveryCount(
                    status=row["status"],
                    reject_reason=row["reject_reason"] or "",
                    messages=row["messages"],
                    billable_segments=row["billable_segments"],
                    cost_micros=row["cost_micros"],
                )
                for row in rows
            ]
        )

    async def WatchMessages(
        self, request: delivery_pb2.WatchMessagesRequest, context: Any
    ) -> AsyncIterator[delivery_pb2.WatchMessagesResponse]:
        async with aclosing(self._feed.watcher.watch(_read_watch(request))) as batches:
            async for batch in batches:
                yield watch_answers.answer(batch)

    async def _load(self, instance_id: UUID, wanted: Sequence[UUID]) -> Mapping[UUID, messages.Row]:
        # Runs in a task of its own, which no gate has let in.
        set_tenant(instance_id)
        return await messages.get_messages(self._pool, instance_id, wanted)


def _read_token(after: str | None) -> tuple[UUID | None, Position | None]:
    if after is None:
        return None, None
    last, epoch, pos = after.split(" ")
    return UUID(last), Position(int(epoch), int(pos))


def _read_watch(request: delivery_pb2.WatchMessagesRequest) -> WatchRequest:
    violations = Violations()
    seconds = _BOOKMARK_SECONDS
    if request.HasField("bookmark_interval"):
        seconds = request.bookmark_interval.seconds + request.bookmark_interval.nanos / 1e9
        if not 1 <= seconds <= 60:
            violations.add(
                "bookmark_interval", "is not 1 to 60 seconds; choose one, or leave it out"
            )
    if request.start:
        check_enum(violations, "start", request.start, delivery_pb2.WatchStart)
    mass_message_id = parse_id(
        violations, "mass_message_id", request.mass_message_id, required=False
    )
    violations.raise_if_any()
    oldest = request.start == delivery_pb2.WATCH_START_OLDEST
    return WatchRequest(
        instance_id=current_caller().instance_id,
        cursor=request.cursor,
        start=Start.OLDEST if oldest else Start.NOW,
        mass_message_id=mass_message_id,
        bookmark_every=seconds,
    )
