"""Events that happened to accounts: one in a call, or many in a stream."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from functools import cache, partial
from typing import Any
from uuid import UUID

import structlog

from outbound_sms.domain.errors import (
    FieldViolation,
    InvalidRequest,
    OutboundSmsError,
    Reason,
    Violations,
)
from outbound_sms.domain.trigger_event import TriggerEvent, check_expire_time
from outbound_sms.domain.trigger_match import FireResult
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.database_errors import meaning_of
from outbound_sms.services.fire_batch import Answer, fire_batch
from outbound_sms.services.fire_queue import FireQueue
from outbound_sms.services.list_fields import check_length
from outbound_sms.services.ordered_answers import answer_in_order
from outbound_sms.services.trigger_event_fields import (
    read_event,
    read_expire_time,
    show_error,
    show_result,
)
from outbound_sms.store import consent
from outbound_sms.store.pool import Pool
from outboundsms.v1 import triggers_pb2 as pb

MOST_EVENTS = 100
MOST_REQUESTS_AT_ONCE = 8

_log = structlog.get_logger("fire")

_Fire = Callable[[UUID, Sequence[TriggerEvent]], Awaitable[Sequence[Answer]]]


class Firing:
    """The part of `outboundsms.v1.Triggers` that takes events in.

    `wake` tells the dispatcher of this process that texts were made.
    """

    def __init__(self, pool: Pool, drain: asyncio.Event, wake: Callable[[], None]) -> None:
        self._firing = pool
        self._drain = drain
        self._queue = FireQueue(partial(fire_batch, pool, wake))

    async def FireTrigger(
        self, request: pb.FireTriggerRequest, context: Any
    ) -> pb.FireTriggerResponse:
        [answer] = await self._fire([request.event], self._queue.fire)
        if isinstance(answer, FireResult):
            return pb.FireTriggerResponse(result=show_result(answer))
        raise _in_request(answer)

    async def FireTriggers(
        self, requests: AsyncIterator[pb.FireTriggersRequest], context: Any
    ) -> AsyncGenerator[pb.FireTriggersResponse, None]:
        responses = answer_in_order(
            requests, self._fire_all, most=MOST_REQUESTS_AT_ONCE, drain=self._drain
        )
        async with aclosing(responses):
            async for response in responses:
                yield response

    async def _fire_all(self, request: pb.FireTriggersRequest) -> pb.FireTriggersResponse:
        violations = Violations()
        check_length(violations, "events", len(request.events), MOST_EVENTS, fewest=1)
        violations.raise_if_any()
        answers = await self._fire(request.events, self._queue.fire_in_turn)
        # What a whole batch failed with is logged once.
        tell = cache(_told)
        return pb.FireTriggersResponse(answers=[_show(answer, tell) for answer in answers])

    async def _fire(self, given: Sequence[pb.TriggerEvent], fire: _Fire) -> list[Answer]:
        """What each event came to. One that is wrong does not keep the others from being fired.

        Nothing is waited for before `fire`, so that the events of a stream line up in their order.
        """
        wrong: dict[int, Violations] = {}
        events: list[TriggerEvent] = []
        for place, each in enumerate(given):
            violations = Violations()
            event = read_event(violations, each)
            if event is None:
                wrong[place] = violations
            else:
                events.append(event)
        fired: Iterable[Answer] = ()
        if events:
            try:
                fired = await fire(current_caller().instance_id, events)
            except Exception as error:
                fired = [error] * len(events)
        refusals = await self._refuse(given, wrong) if wrong else {}
        left = iter(fired)
        return [refusals[place] if place in wrong else next(left) for place in range(len(given))]

    async def _refuse(
        self, given: Sequence[pb.TriggerEvent], wrong: Mapping[int, Violations]
    ) -> dict[int, InvalidRequest]:
        """The errors of events that are wrong; what is wrong with their times belongs to that."""
        times = {place: read_expire_time(Violations(), given[place]) for place in wrong}
        now = await consent.now(self._firing) if any(times.values()) else None
        for place, violations in wrong.items():
            expire_time = times[place]
            if now is not None and expire_time is not None:
                check_expire_time(violations, expire_time, now)
        return {place: _refusal(violations) for place, violations in wrong.items()}


def _refusal(violations: Violations) -> InvalidRequest:
    try:
        violations.raise_if_any()
    except InvalidRequest as refusal:
        return refusal
    raise AssertionError("an event was refused, and nothing is wrong with it")


def _in_request(error: Exception) -> Exception:
    """The error with the paths of fields as FireTrigger's request has them."""
    if not isinstance(error, InvalidRequest):
        return error
    found = [FieldViolation(f"event.{v.field}", v.description) for v in error.violations]
    return InvalidRequest(found, error.reason, **error.metadata)


def _show(answer: Answer, tell: Callable[[Exception], OutboundSmsError]) -> pb.FireAnswer:
    if isinstance(answer, FireResult):
        return pb.FireAnswer(result=show_result(answer))
    return pb.FireAnswer(error=show_error(tell(answer)))


def _told(error: Exception) -> OutboundSmsError:
    """What the caller of a stream is told, as the end of a call would tell it."""
    if isinstance(error, OutboundSmsError):
        return error
    told = meaning_of(error)
    if told is None:
        _log.error("defect", exc_info=error)
        return OutboundSmsError(Reason.INTERNAL, "The service failed; report the event key.")
    _log.warning("database", reason=told.reason.value, exc_info=error)
    return told
