"""Triggered messages: created, read, changed and deleted one at a time."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from outbound_sms.domain.errors import InvalidRequest, NotFound, Reason, Violations
from outbound_sms.domain.trigger_type import TRIGGER_TYPES, TriggerType
from outbound_sms.domain.triggered_message import (
    MOST_MESSAGE_CATEGORIES,
    TriggeredMessage,
    TriggeredMessageValues,
)
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import parse_etag, parse_id
from outbound_sms.rpc.once import Once
from outbound_sms.rpc.pages import Pages
from outbound_sms.services import triggered_message_fields
from outbound_sms.services.missing import check_all_exist, check_etag, not_found
from outbound_sms.services.paging import read_page
from outbound_sms.services.trigger_catalogue_fields import read_textable, read_trigger_type
from outbound_sms.services.triggered_message_fields import CATEGORIES, CHANGEABLE
from outbound_sms.store import (
    message_categories,
    sending_numbers,
    signatures,
    triggered_messages,
)
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import triggers_pb2 as pb

Values = TypeVar("Values", bound=TriggeredMessageValues)


class TriggeredMessages:
    """The part of `outboundsms.v1.Triggers` about what is texted, and how."""

    def __init__(self, pool: Pool, pages: Pages, once: Once) -> None:
        self._pool = pool
        self._pages = pages
        self._once = once

    async def CreateTriggeredMessage(
        self, request: pb.CreateTriggeredMessageRequest, context: Any
    ) -> pb.CreateTriggeredMessageResponse:
        values = _read_new(request)
        instance_id = current_caller().instance_id

        async def work(db: Connection) -> pb.CreateTriggeredMessageResponse:
            settled = await _settle(db, instance_id, values, CHANGEABLE)
            made = await triggered_messages.create_triggered_message(db, instance_id, settled)
            shown = triggered_message_fields.show(made)
            return pb.CreateTriggeredMessageResponse(triggered_message=shown)

        return await self._once.run(request, pb.CreateTriggeredMessageResponse, work)

    async def GetTriggeredMessage(
        self, request: pb.GetTriggeredMessageRequest, context: Any
    ) -> pb.GetTriggeredMessageResponse:
        id_ = _read_id(Violations(), "triggered_message_id", request.triggered_message_id)
        found = await triggered_messages.get_triggered_message(
            self._pool, current_caller().instance_id, id_
        )
        shown = triggered_message_fields.show(_known(found, id_))
        return pb.GetTriggeredMessageResponse(triggered_message=shown)

    async def ListTriggeredMessages(
        self, request: pb.ListTriggeredMessagesRequest, context: Any
    ) -> pb.ListTriggeredMessagesResponse:
        violations = Violations()
        if request.trigger_type:
            read_trigger_type(violations, "trigger_type", request.trigger_type)
        violations.raise_if_any()
        fetch = partial(
            triggered_messages.list_triggered_messages,
            self._pool,
            current_caller().instance_id,
            trigger_type=request.trigger_type or None,
        )
        found, token = await read_page(self._pages, request, fetch)
        return pb.ListTriggeredMessagesResponse(
            triggered_messages=map(triggered_message_fields.show, found), next_page_token=token
        )

    async def UpdateTriggeredMessage(
        self, request: pb.UpdateTriggeredMessageRequest, context: Any
    ) -> pb.UpdateTriggeredMessageResponse:
        given, violations = request.triggered_message, Violations()
        instance_id = current_caller().instance_id
        mask = triggered_message_fields.read_update_mask(violations, request.update_mask)
        etag = parse_etag(violations, given.etag, "triggered_message.etag")
        trigger = await self._find_trigger(instance_id, given.triggered_message_id)
        change = triggered_message_fields.read_change(violations, given, mask, trigger)
        id_ = _read_id(
            violations, "triggered_message.triggered_message_id", given.triggered_message_id
        )

        async def work(db: Connection) -> pb.UpdateTriggeredMessageResponse:
            found = await triggered_messages.lock_triggered_message(db, instance_id, id_)
            stored = _known(found, id_)
            check_etag(etag, stored.version)
            wanted = await _settle(db, instance_id, replace(stored, **change), mask)
            updated = await triggered_messages.update_triggered_message(db, instance_id, wanted)
            shown = triggered_message_fields.show(updated)
            return pb.UpdateTriggeredMessageResponse(triggered_message=shown)

        return await self._once.run(request, pb.UpdateTriggeredMessageResponse, work)

    async def DeleteTriggeredMessage(
        self, request: pb.DeleteTriggeredMessageRequest, context: Any
    ) -> pb.DeleteTriggeredMessageResponse:
        id_ = _read_id(Violations(), "triggered_message_id", request.triggered_message_id)
        instance_id = current_caller().instance_id
        if not await triggered_messages.delete_triggered_message(self._pool, instance_id, id_):
            raise _missing(id_)
        return pb.DeleteTriggeredMessageResponse()

    async def _find_trigger(self, instance_id: UUID, given: str) -> TriggerType | None:
        """The trigger type of a stored triggered message, which never changes; None without one."""
        id_ = parse_id(Violations(), "triggered_message_id", given)
        if id_ is None:
            return None
        found = await triggered_messages.get_triggered_message(self._pool, instance_id, id_)
        return TRIGGER_TYPES[found.trigger_type] if found else None


def _read_new(request: pb.CreateTriggeredMessageRequest) -> TriggeredMessageValues:
    """The triggered message to create. Raises InvalidRequest with all that is wrong."""
    given, violations = request.triggered_message, Violations()
    parse_id(violations, "request_id", request.request_id, required=False)
    trigger = read_textable(violations, "triggered_message.trigger_type", given.trigger_type)
    change = triggered_message_fields.read_change(violations, given, CHANGEABLE, trigger)
    violations.raise_if_any()
    return TriggeredMessageValues(trigger_type=given.trigger_type, **change)


async def _settle(
    db: Connection, instance_id: UUID, wanted: Values, named: Collection[str]
) -> Values:
    """`wanted`, with the default categories if it has none, once everything is known to exist that
    the fields in `named` refer to.

    Raises NotFound for what is not of the instance, and InvalidRequest when there are no default
    categories.
    """
    if "signature_id" in named and wanted.signature_id is not None:
        await _hold_signature(db, instance_id, wanted.signature_id)
    if "sending_number_id" in named and wanted.sending_number_id is not None:
        await sending_numbers.get_sending_number(db, instance_id, wanted.sending_number_id)
    if "message_category_ids" not in named:
        return wanted
    ids = wanted.message_category_ids
    if not ids:
        return replace(wanted, message_category_ids=await _default_categories(db, instance_id))
    existing = await message_categories.find_existing(db, instance_id, ids)
    check_all_exist(Reason.MESSAGE_CATEGORY_NOT_FOUND, "message category", ids, existing)
    return wanted


async def _hold_signature(db: Connection, instance_id: UUID, signature_id: UUID) -> None:
    if not await signatures.lock_for_reference(db, instance_id, signature_id):
        raise not_found(Reason.SIGNATURE_NOT_FOUND, "signature", signature_id)


async def _default_categories(db: Connection, instance_id: UUID) -> tuple[UUID, ...]:
    defaults = await message_categories.list_default_ids(db, instance_id)
    if 1 <= len(defaults) <= MOST_MESSAGE_CATEGORIES:
        return defaults
    raise InvalidRequest.of(
        CATEGORIES,
        f"is empty, and the instance has {len(defaults)} default categories; "
        f"give 1 to {MOST_MESSAGE_CATEGORIES}",
    )


def _read_id(violations: Violations, field: str, value: str) -> UUID:
    """The id of the triggered message; raises InvalidRequest with it and all violations before."""
    id_ = parse_id(violations, field, value)
    violations.raise_if_any()
    assert id_ is not None
    return id_


def _known(found: TriggeredMessage | None, id_: UUID) -> TriggeredMessage:
    if found is None:
        raise _missing(id_)
    return found


def _missing(id_: UUID) -> NotFound:
    return not_found(Reason.TRIGGERED_MESSAGE_NOT_FOUND, "triggered message", id_)
