"""Limits against fraud as they are sent and received."""

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.sending_limits import LARGEST, SendingLimits, SendingUsage, check_limit
from outbound_sms.rpc.fields import to_timestamp
from outboundsms.v1 import sending_limits_pb2

CHANGEABLE = frozenset(LARGEST)


def read_change(
    violations: Violations, given: sending_limits_pb2.SendingLimits, mask: frozenset[str]
) -> dict[str, int]:
    """The limits that the mask names; worth using only when there is no violation."""
    change: dict[str, int] = {}
    for name in LARGEST:
        if name not in mask:
            continue
        change[name] = getattr(given, name)
        problem = check_limit(name, change[name])
        if problem is not None:
            violations.add(f"limits.{name}", problem)
    return change


def show_limits(found: SendingLimits) -> sending_limits_pb2.SendingLimits:
    """The limits as the contract has them."""
    return sending_limits_pb2.SendingLimits(
        etag=str(found.version), **{name: getattr(found, name) for name in LARGEST}
    )


def show_usage(found: SendingUsage) -> sending_limits_pb2.SendingUsage:
    """What has been sent, as the contract has it."""
    return sending_limits_pb2.SendingUsage(
        messages_this_minute=found.messages_this_minute,
        messages_today=found.messages_today,
        spent_today_micros=found.spent_today_micros,
        triggered_this_hour=found.triggered_this_hour,
        usual_triggered_per_hour=found.usual_triggered_per_hour,
        reached=[sending_limits_pb2.SendingLimit.ValueType(limit) for limit in found.reached],
        surge_pause_time=to_timestamp(found.surge_pause_time),
    )
