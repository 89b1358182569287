"""Mass messages: preview, send, follow, and stop."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from outbound_sms.domain.errors import Reason, Violations
from outbound_sms.domain.mass_message import MassMessageState, MassMessageVerb, transition
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_id
from outbound_sms.rpc.once import ACQUIRE_TIMEOUT, Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import mass_message_fields, saved_message_fields
from outbound_sms.services.mass_message_accept import accept
from outbound_sms.services.mass_message_fields import Spec
from outbound_sms.services.mass_message_plan import check_times, make_plan
from outbound_sms.services.mass_message_preview import show_preview
from outbound_sms.services.mass_message_progress import load_known, load_shown, show_with_rates
from outbound_sms.services.mass_message_watch import watch
from outbound_sms.services.missing import not_found
from outbound_sms.services.paging import read_page
from outbound_sms.store import audience, mass_messages
from outbound_sms.store.funds import get_funds
from outbound_sms.store.mass_counts import counts_follow
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import mass_messages_pb2 as pb
from outboundsms.v1 import mass_messages_pb2_grpc

Response = TypeVar(
    "Response",
    pb.PauseMassMessageResponse,
    pb.ResumeMassMessageResponse,
    pb.CancelMassMessageResponse,
)


class MassMessages(mass_messages_pb2_grpc.MassMessagesServicer):
    """Serves `outboundsms.v1.MassMessages`. `wake` tells the expansion of new work."""

    def __init__(
        self,
        pool: Pool,
        pages: Pages,
        once: Once,
        drain: asyncio.Event,
        wake: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._pages = pages
        self._once = once
        self._drain = drain
        self._wake = wake

    async def ListSavedMessages(
        self, request: pb.ListSavedMessagesRequest, context: Any
    ) -> pb.ListSavedMessagesResponse:
        return pb.ListSavedMessagesResponse(saved_messages=saved_message_fields.show_all())

    async def PreviewMassMessage(
        self, request: pb.PreviewMassMessageRequest, context: Any
    ) -> pb.PreviewMassMessageResponse:
        violations, now = Violations(), datetime.now(UTC)
        spec = mass_message_fields.read_spec(violations, request.spec)
        check_times(violations, spec, now)
        violations.raise_if_any()
        instance_id = current_caller().instance_id
        async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection:
            plan = await make_plan(connection, instance_id, spec)
            queued = await audience.queued_segments(connection, instance_id, plan.number.id)
            count = await audience.count_audience(connection, instance_id, spec.audience)
            funds = await get_funds(connection, instance_id)
        return show_preview(plan, count, queued, funds)

    async def CreateMassMessage(
        self, request: pb.CreateMassMessageRequest, context: Any
    ) -> pb.CreateMassMessageResponse:
        spec = _read_new(request)
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.CreateMassMessageResponse:
            # Not before: a repeat gets its old answer also after the outage has ended.
            violations = Violations()
            check_times(violations, spec, datetime.now(UTC))
            violations.raise_if_any()
            plan = await make_plan(db, instance_id, spec)
            made = await accept(db, instance_id, plan)
            shown = await load_shown(db, instance_id, made)
            return pb.CreateMassMessageResponse(mass_message=shown)

        response = await self._once.run(request, pb.CreateMassMessageResponse, work)
        self._wake()
        return response

    async def GetMassMessage(
        self, request: pb.GetMassMessageRequest, context: Any
    ) -> pb.GetMassMessageResponse:
        mass_message_id = _read_id(request.mass_message_id)
        shown = await load_shown(self._pool, current_caller().instance_id, mass_message_id)
        return pb.GetMassMessageResponse(mass_message=shown)

    async def ListMassMessages(
        self, request: pb.ListMassMessagesRequest, context: Any
    ) -> pb.ListMassMessagesResponse:
        instance_id = current_caller().instance_id
        fetch = partial(mass_messages.list_mass_messages, self._pool, instance_id)
        found, token = await read_page(self._pages, request, fetch)
        shown = await show_with_rates(self._pool, instance_id, found)
        return pb.ListMassMessagesResponse(mass_messages=shown, next_page_token=token)

    async def PauseMassMessage(
        self, request: pb.PauseMassMessageRequest, context: Any
    ) -> pb.PauseMassMessageResponse:
        return await self._change(request, pb.PauseMassMessageResponse, MassMessageVerb.PAUSE)

    async def ResumeMassMessage(
        self, request: pb.ResumeMassMessageRequest, context: Any
    ) -> pb.ResumeMassMessageResponse:
        return await self._change(request, pb.ResumeMassMessageResponse, MassMessageVerb.RESUME)

    async def CancelMassMessage(
        self, request: pb.CancelMassMessageRequest, context: Any
    ) -> pb.CancelMassMessageResponse:
        return await self._change(request, pb.CancelMassMessageResponse, MassMessageVerb.CANCEL)

    async def WatchMassMessage(
        self, request: pb.WatchMassMessageRequest, context: Any
    ) -> AsyncGenerator[pb.WatchMassMessageResponse, None]:
        mass_message_id = _read_id(request.mass_message_id)
        of_one = (self._pool, current_caller().instance_id, mass_message_id)
        load, follow = partial(load_known, *of_one), partial(counts_follow, *of_one)
        async for current in watch(load, follow, self._drain):
            yield pb.WatchMassMessageResponse(mass_message=current)

    async def _change(
        self, request: Any, response_type: type[Response], verb: MassMessageVerb
    ) -> Response:
        mass_message_id = _read_id(request.mass_message_id)
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> Response:
            found = await mass_messages.lock_state(db, instance_id, mass_message_id)
            if found is None:
                raise not_found(Reason.MASS_MESSAGE_NOT_FOUND, "mass message", mass_message_id)
            after = _state_after(*found, verb)
            if after is not found[0]:
                await mass_messages.set_state(db, instance_id, mass_message_id, after)
            shown = await load_shown(db, instance_id, mass_message_id)
            return response_type(mass_message=shown)

        response = await self._once.run(request, response_type, work)
        self._wake()
        return response


def _read_new(request: pb.CreateMassMessageRequest) -> Spec:
    violations = Violations()
    parse_id(violations, "request_id", request.request_id)
    spec = mass_message_fields.read_spec(violations, request.spec)
    if violations:
        check_times(violations, spec, datetime.now(UTC))
    violations.raise_if_any()
    return spec


def _read_id(value: str) -> UUID:
    violations = Violations()
    mass_message_id = parse_id(violations, "mass_message_id", value)
    violations.raise_if_any()
    assert mass_message_id is not None
    return mass_message_id


def _state_after(
    state: MassMessageState, expanded: bool, verb: MassMessageVerb
) -> MassMessageState:
    """As `transition`, but what has all its texts need not be expanded again to go on sending."""
    after = transition(state, verb)
    if after is MassMessageState.EXPANDING and expanded:
        return MassMessageState.SENDING
    return after
