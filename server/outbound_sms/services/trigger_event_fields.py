"""Events as they are received, and what they came to as it is sent. Paths begin at the event."""

from datetime import datetime
from uuid import UUID

from google.rpc import error_details_pb2, status_pb2

from outbound_sms.domain.account import LONGEST_NUMBER
from outbound_sms.domain.errors import OutboundSmsError, Violations
from outbound_sms.domain.text_field import check_text
from outbound_sms.domain.trigger_event import LONGEST_EVENT_KEY, TriggerEvent
from outbound_sms.domain.trigger_match import FireResult, TriggeredOutcome
from outbound_sms.domain.trigger_type import TriggerType, check_count, check_job_type
from outbound_sms.domain.trigger_values import read_values
from outbound_sms.rpc.fields import parse_id, to_datetime
from outbound_sms.rpc.status import to_status
from outbound_sms.services.trigger_catalogue_fields import read_textable
from outboundsms.v1 import error_reason_pb2
from outboundsms.v1 import triggers_pb2 as pb


def read_event(violations: Violations, given: pb.TriggerEvent) -> TriggerEvent | None:
    """The event; None with violations for everything that is wrong with it.

    Whether its times are still to come is not looked at: that is for when it is fired.
    """
    trigger = read_textable(violations, "trigger_type", given.trigger_type)
    account_id, account_number = _read_account(violations, given)
    event_key = check_text(
        violations, "event_key", given.event_key, required=True, longest=LONGEST_EVENT_KEY
    )
    expire_time = read_expire_time(violations, given)
    if trigger is None:
        return None
    count = given.count if given.HasField("count") else None
    _check_condition(violations, trigger, count, given.job_type)
    values, problems = read_values(trigger, given.variables)
    for name, description in problems:
        violations.add(f"variables.{name}", description)
    if violations:
        return None
    return TriggerEvent(
        trigger=trigger,
        account_id=account_id,
        account_number=account_number,
        count=count,
        job_type=given.job_type.strip(),
        event_key=event_key,
        values=values,
        expire_time=expire_time,
    )


def read_expire_time(violations: Violations, given: pb.TriggerEvent) -> datetime | None:
    """The time, if it is given and is one."""
    expires = given.expire_time if given.HasField("expire_time") else None
    return to_datetime(violations, "expire_time", expires)


def _read_account(violations: Violations, given: pb.TriggerEvent) -> tuple[UUID | None, str]:
    match given.WhichOneof("account"):
        case "account_id":
            return parse_id(violations, "account_id", given.account_id), ""
        case "account_number":
            number = check_text(
                violations,
                "account_number",
                given.account_number,
                required=True,
                longest=LONGEST_NUMBER,
            )
            return None, number
        case _:
            violations.add("account_id", "is missing; give it, or the account_number")
            return None, ""


def _check_condition(
    violations: Violations, trigger: TriggerType, count: int | None, job_type: str
) -> None:
    problem = check_count(trigger.count_unit, count)
    if problem:
        violations.add("count", problem)
    problem = check_job_type(trigger, job_type)
    if problem:
        violations.add("job_type", problem)


def show_result(result: FireResult) -> pb.FireResult:
    """The result as the contract has it."""
    return pb.FireResult(
        outcome=pb.FireOutcome.ValueType(result.outcome),
        triggered_messages=[_show_outcome(each) for each in result.triggered],
    )


def _show_outcome(outcome: TriggeredOutcome) -> pb.TriggeredMessageOutcome:
    return pb.TriggeredMessageOutcome(
        triggered_message_id=str(outcome.triggered_message_id),
        outcome=pb.FireOutcome.ValueType(outcome.outcome),
        message_ids=[str(message_id) for message_id in outcome.message_ids],
    )


def show_error(error: OutboundSmsError) -> pb.FireError:
    """The error with what FireTrigger would have answered, its limits of length included."""
    status, bad = to_status(error), error_details_pb2.BadRequest()
    for detail in status_pb2.Status.FromString(status.details).details:
        detail.Unpack(bad)
    return pb.FireError(
        code=status.code.value[0],
        reason=error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{error.reason}"),
        text=status.message,
        violations=[
            pb.FireViolation(field=each.field, description=each.description)
            for each in bad.field_violations
        ],
    )
