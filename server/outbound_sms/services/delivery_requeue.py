"""Sending what was not sent for lack of funds."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from outbound_sms.domain.errors import Reason, Violations, WrongState
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import check_enum, parse_id
from outbound_sms.rpc.once import Once
from outbound_sms.services.list_fields import read_ids
from outbound_sms.services.missing import check_all_exist, not_found
from outbound_sms.store import unfunded
from outbound_sms.store.pool import Connection
from outbound_sms.store.unfunded import Funds, UnfundedFilter
from outboundsms.v1 import delivery_pb2 as pb

MOST_IDS = 1_000
MOST_A_CALL = 10_000


class Requeueing:
    """The part of `outboundsms.v1.Delivery` that puts messages back into the queue.

    `wake` tells the dispatcher of this process that texts are ready to go.
    """

    def __init__(self, once: Once, wake: Callable[[], None]) -> None:
        self._once = once
        self._wake_for_texts = wake

    async def RequeueMessages(
        self, request: pb.RequeueMessagesRequest, context: Any
    ) -> pb.RequeueMessagesResponse:
        wanted = _read(request)
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.RequeueMessagesResponse:
            funds = await _check(db, instance_id, wanted)
            done = await unfunded.requeue(db, instance_id, wanted, MOST_A_CALL)
            return pb.RequeueMessagesResponse(
                requeued=done.requeued,
                cost_micros=done.cost_micros,
                left=done.left,
                more=done.more,
                available_micros=funds.available_micros,
                currency=funds.currency,
            )

        response = await self._once.run(request, pb.RequeueMessagesResponse, work)
        self._wake_for_texts()
        return response


def _read(request: pb.RequeueMessagesRequest) -> UnfundedFilter:
    violations = Violations()
    wanted = UnfundedFilter(
        message_ids=read_ids(violations, "message_ids", request.message_ids, MOST_IDS),
        mass_message_id=parse_id(
            violations, "mass_message_id", request.mass_message_id, required=False
        ),
        kind=request.kind or None,
    )
    if request.kind:
        check_enum(violations, "kind", request.kind, pb.MessageKind)
    parse_id(violations, "request_id", request.request_id, required=False)
    violations.raise_if_any()
    return wanted


async def _check(db: Connection, instance_id: UUID, wanted: UnfundedFilter) -> Funds:
    """The money of the instance. Raises NotFound for an id that is not its own, and WrongState."""
    if wanted.mass_message_id is not None and not await unfunded.has_mass_message(
        db, instance_id, wanted.mass_message_id
    ):
        raise not_found(Reason.MASS_MESSAGE_NOT_FOUND, "mass message", wanted.mass_message_id)
    if wanted.message_ids:
        found = await unfunded.find_messages(db, instance_id, wanted.message_ids)
        check_all_exist(Reason.MESSAGE_NOT_FOUND, "message", wanted.message_ids, found)
    funds = await unfunded.get_funds(db, instance_id)
    if not funds.sms_enabled:
        raise WrongState(
            Reason.SMS_DISABLED,
            "Sending is switched off; switch it on in the SMS settings, then requeue.",
        )
    return funds
