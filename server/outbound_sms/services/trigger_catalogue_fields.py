"""The catalogue of trigger types as it is sent, and keys of it as they are received."""

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.trigger_type import TRIGGER_TYPES, TriggerType, TriggerVariable
from outbound_sms.services.saved_message_fields import show_texts
from outboundsms.v1 import triggers_pb2 as pb


def read_trigger_type(violations: Violations, field: str, key: str) -> TriggerType | None:
    """The trigger type of a key, or None with a violation."""
    found = TRIGGER_TYPES.get(key)
    if found is None:
        problem = "is not a trigger type" if key else "is missing"
        violations.add(field, f"{problem}; give the key of one that ListTriggerTypes returns")
    return found


def read_textable(violations: Violations, field: str, key: str) -> TriggerType | None:
    """The same for what is to be texted: a violation also for one that has no text, with why."""
    found = read_trigger_type(violations, field, key)
    if found is not None and not found.supports_sms:
        why = found.no_sms_reason
        violations.add(field, f"{key} cannot be texted. {why} Give one with supports_sms.")
        return None
    return found


def show(trigger: TriggerType) -> pb.TriggerType:
    """The trigger type as the contract has it."""
    return pb.TriggerType(
        key=trigger.key,
        name=trigger.name,
        fires_when=trigger.fires_when,
        count_unit=pb.CountUnit.ValueType(trigger.count_unit or pb.COUNT_UNIT_UNSPECIFIED),
        has_job_type=trigger.has_job_type,
        variables=map(_show_variable, trigger.variables),
        supports_sms=trigger.supports_sms,
        no_sms_reason=trigger.no_sms_reason,
        texts=show_texts(trigger.texts),
    )


def show_all() -> list[pb.TriggerType]:
    """Every trigger type, in the order of the catalogue."""
    return [show(trigger) for trigger in TRIGGER_TYPES.values()]


def _show_variable(variable: TriggerVariable) -> pb.TriggerVariable:
    return pb.TriggerVariable(
        name=variable.name,
        kind=pb.TriggerVariableKind.ValueType(variable.kind),
        required=variable.required,
        description=variable.description,
    )
