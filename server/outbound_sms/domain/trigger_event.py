"""Something that happened to an account, as a backend tells of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.trigger_type import TriggerType
from outbound_sms.domain.trigger_values import TriggerValues

LONGEST_EVENT_KEY = 200
LONGEST_VALIDITY = timedelta(days=7)
DEFAULT_VALIDITY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class TriggerEvent:
    """An event with nothing wrong in it, as far as that can be told without the time.

    The account is told by `account_id`, or where that is None by `account_number`. `count` and
    `job_type` are those that the trigger type needs, else None and "". `expire_time` is aware.
    """

    trigger: TriggerType
    account_id: UUID | None
    account_number: str
    count: int | None
    job_type: str
    event_key: str
    values: TriggerValues
    expire_time: datetime | None

    def valid_until(self, now: datetime) -> datetime:
        """When its texts have lost their point: `expire_time`, else in 24 hours, or at the moment
        that the event is about if that is sooner.

        Raises InvalidRequest when that is past already, or too far away.
        """
        violations = Violations()
        if self.expire_time is not None:
            check_expire_time(violations, self.expire_time, now)
            violations.raise_if_any()
            return self.expire_time
        latest, moment = now + DEFAULT_VALIDITY, self.values.pointless_after
        if moment is None:
            return latest
        if moment <= now:
            for name in self._variables_of(moment):
                violations.add(
                    f"variables.{name}",
                    "is past, and the text without a point; give a later one, or an expire_time",
                )
            violations.raise_if_any()
        return min(latest, moment)

    def _variables_of(self, moment: datetime) -> list[str]:
        return [
            variable.name
            for variable in self.trigger.variables
            if variable.pointless_after and self.values.by_name.get(variable.name) == moment
        ]


def check_expire_time(violations: Violations, expire_time: datetime, now: datetime) -> None:
    """Adds a violation for an `expire_time` that is not in the future, or beyond 7 days."""
    if expire_time <= now:
        violations.add("expire_time", "is past; give a time in the future, or leave it out")
    elif expire_time > now + LONGEST_VALIDITY:
        violations.add(
            "expire_time", f"is too far away; give one of the next {LONGEST_VALIDITY.days} days"
        )
