"""Outage times of a mass message: what a saved message needs, and what cannot be meant."""

from datetime import datetime, timedelta

from outbound_sms.domain.errors import FieldViolation
from outbound_sms.domain.saved_messages import SAVED_MESSAGES, SavedMessageKey

START_FIELD = "outage_start_time"
END_FIELD = "outage_end_time"
FURTHEST = timedelta(days=365)


def check_outage_times(
    key: SavedMessageKey, start: datetime | None, end: datetime | None, now: datetime
) -> list[FieldViolation]:
    """Everything wrong with the times, empty when they can be sent. All three moments are aware."""
    message = SAVED_MESSAGES[key]
    found = [
        *_check_presence(START_FIELD, start, needed=message.needs_start, name=message.name),
        *_check_presence(END_FIELD, end, needed=message.needs_end, name=message.name),
        *_check_distance(START_FIELD, start, now),
        *_check_distance(END_FIELD, end, now),
    ]
    if end is not None and message.needs_end:
        if start is not None and end <= start:
            found.append(
                FieldViolation(END_FIELD, "is not after the outage start; give a later time")
            )
        elif end <= now:
            found.append(FieldViolation(END_FIELD, "has passed; give the time still to come"))
    return found


def _check_presence(
    field: str, moment: datetime | None, *, needed: bool, name: str
) -> list[FieldViolation]:
    if needed and moment is None:
        return [FieldViolation(field, f"is missing; {name} needs it")]
    if not needed and moment is not None:
        return [FieldViolation(field, f"must be left out; {name} does not tell it")]
    return []


def _check_distance(field: str, moment: datetime | None, now: datetime) -> list[FieldViolation]:
    if moment is not None and abs(moment - now) > FURTHEST:
        return [FieldViolation(field, f"is more than {FURTHEST.days} days away; check the year")]
    return []
