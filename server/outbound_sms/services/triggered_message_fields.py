"""Triggered messages as they are sent and received."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.text_field import check_text
from outbound_sms.domain.trigger_type import TriggerType, check_count, check_job_type
from outbound_sms.domain.triggered_message import (
    LONGEST_NAME,
    MOST_MESSAGE_CATEGORIES,
    TriggeredMessage,
)
from outbound_sms.rpc.fields import parse_id, read_mask, to_timestamp
from outbound_sms.services.list_fields import read_ids
from outboundsms.v1 import triggers_pb2 as pb

CATEGORIES = "triggered_message.message_category_ids"
_FLAGS = frozenset({"enabled", "allow_child_accounts"})
_REFERENCES = frozenset({"signature_id", "sending_number_id"})
CHANGEABLE = frozenset({"name", "count", "job_type", "message_category_ids"}) | _FLAGS | _REFERENCES


def read_update_mask(violations: Violations, mask: FieldMask) -> frozenset[str]:
    """The fields to change. The trigger type is none of them: count and text belong to it."""
    paths = [path for path in mask.paths if path != "trigger_type"]
    if len(paths) < len(mask.paths):
        violations.add(
            "update_mask", "trigger_type cannot be changed; make another triggered message for it"
        )
        if not paths:
            return frozenset()
    return read_mask(violations, FieldMask(paths=paths), CHANGEABLE)


def read_change(
    violations: Violations,
    given: pb.TriggeredMessage,
    mask: frozenset[str],
    trigger: TriggerType | None,
) -> dict[str, Any]:
    """The values that the mask names, by field; worth using only when there is no violation.

    Count and job type are checked against `trigger`, unless it is not known. No categories, an
    empty tuple, ask for the default ones.
    """
    change: dict[str, Any] = {flag: getattr(given, flag) for flag in _FLAGS & mask}
    if "name" in mask:
        change["name"] = check_text(
            violations,
            "triggered_message.name",
            given.name,
            required=True,
            longest=LONGEST_NAME,
        )
    for name in sorted(_REFERENCES & mask):
        change[name] = parse_id(
            violations, f"triggered_message.{name}", getattr(given, name), required=False
        )
    if "message_category_ids" in mask:
        change["message_category_ids"] = read_ids(
            violations, CATEGORIES, given.message_category_ids, MOST_MESSAGE_CATEGORIES
        )
    return change | _read_condition(violations, given, mask, trigger)


def _read_condition(
    violations: Violations,
    given: pb.TriggeredMessage,
    mask: frozenset[str],
    trigger: TriggerType | None,
) -> dict[str, Any]:
    """What an event must be, besides of the trigger type, to make texts."""
    condition: dict[str, Any] = {}
    if "count" in mask:
        count = given.count if given.HasField("count") else None
        condition["count"] = count
        if trigger and (problem := check_count(trigger.count_unit, count)):
            violations.add("triggered_message.count", problem)
    if "job_type" in mask:
        job_type = given.job_type.strip()
        condition["job_type"] = job_type
        if trigger and (problem := check_job_type(trigger, job_type)):
            violations.add("triggered_message.job_type", problem)
    return condition


def show(stored: TriggeredMessage) -> pb.TriggeredMessage:
    """The triggered message as the contract has it."""
    return pb.TriggeredMessage(
        triggered_message_id=str(stored.id),
        name=stored.name,
        enabled=stored.enabled,
        trigger_type=stored.trigger_type,
        count=stored.count,
        job_type=stored.job_type,
        signature_id=str(stored.signature_id or ""),
        sending_number_id=str(stored.sending_number_id or ""),
        allow_child_accounts=stored.allow_child_accounts,
        message_category_ids=map(str, stored.message_category_ids),
        etag=str(stored.version),
        create_time=to_timestamp(stored.create_time),
    )
