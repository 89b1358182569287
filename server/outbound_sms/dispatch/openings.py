"""Which of the groups that wait are not held by quiet hours, and until when they are not.

Asked anew at every look at the queue, so that a change of the settings acts at once on whatever
waits. The answer is passed on with what is claimed, and the intent checks that it still holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from outbound_sms.dispatch.turns import ReadyNumber
from outbound_sms.domain.quiet_check import QuietCheck
from outbound_sms.domain.quiet_hours import NEVER, QuietHours, is_quiet, next_hold, next_release
from outbound_sms.domain.recipient_zone import effective_zones
from outbound_sms.store.dispatch import OpenGroup, Opening, ReadyGroup

log = structlog.get_logger(__name__)

LONG_AGO = datetime.min.replace(tzinfo=UTC)
LOOK_AGAIN = timedelta(minutes=1)
"""How long what has no end within reach is believed before it is worked out again."""


@dataclass(frozen=True, slots=True)
class _Span:
    """From `since` to before `until` it is always quiet or never; `check` proves that it is not."""

    quiet: bool
    since: datetime
    until: datetime
    check: str | None = None


_Key = tuple[QuietHours, str, str]
_WITHOUT_QUIET_HOURS = _Span(False, LONG_AGO, NEVER)


class Openings:
    """Remembers what holds until when for each window and zones that are in use: a few."""

    def __init__(self) -> None:
        self._spans: dict[_Key, _Span] = {}

    def find(self, groups: Sequence[ReadyGroup], looked_at: float) -> list[ReadyNumber]:
        """The sending numbers of groups that may be claimed now.

        The groups of each come in the order of sending: triggered before mass, and then what waits
        longest. `looked_at`, of `lease_clock`, is no later than the `now` of the groups.
        """
        used: dict[_Key, _Span] = {}
        numbers: dict[UUID, ReadyNumber] = {}
        for group in sorted(groups, key=lambda group: (group.priority, group.due_time)):
            opening = None
            if group.zones:
                span = self._span(group, used)
                if span.quiet:
                    continue
                opening = _opening(group, span, looked_at)
            number = numbers.get(group.sending_number_id)
            if number is None:
                number = ReadyNumber(
                    group.instance_id, group.sending_number_id, group.routes, group.wait, []
                )
                numbers[group.sending_number_id] = number
            number.groups.append(
                OpenGroup(
                    group.sending_number_id, group.priority, group.zones, opening, group.routes
                )
            )
        self._spans = used
        return list(numbers.values())

    def _span(self, group: ReadyGroup, used: dict[_Key, _Span]) -> _Span:
        if group.hours is None:
            return _WITHOUT_QUIET_HOURS
        key = (group.hours, group.zones, group.time_zone)
        span = used.get(key) or self._spans.get(key)
        if span is None or not span.since <= group.now < span.until:
            span = _find_span(group, group.hours)
        used[key] = span
        return span


def _find_span(group: ReadyGroup, hours: QuietHours) -> _Span:
    now = group.now
    try:
        zones = effective_zones(hours.mode, group.zones, group.time_zone)
    except ValueError:
        # Nobody knows when it is quiet there: better late than at night, and the others go on.
        log.error("unknown time zone", action="quiet_hours", instance_id=str(group.instance_id))
        return _Span(True, now, now + LOOK_AGAIN)
    if any(is_quiet(hours, zone, now) for zone in zones):
        release = next_release(hours, zones, now)
        return _Span(True, now, now + LOOK_AGAIN if release is None else release)
    check = QuietCheck(hours, tuple(zone.key for zone in zones))
    return _Span(False, now, next_hold(hours, zones, now), check.text)


def _opening(group: ReadyGroup, span: _Span, looked_at: float) -> Opening:
    return Opening(
        settings_version=group.settings_version,
        since=span.since,
        until=span.until,
        start_by=looked_at + (span.until - group.now).total_seconds(),
        quiet_check=span.check,
    )
