"""Why a Pending message waits, as a help desk reads it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache

from outbound_sms.domain.language import Language
from outbound_sms.domain.local_time import format_local_time
from outbound_sms.domain.quiet_hours import QuietHours, QuietMode, next_release
from outbound_sms.domain.recipient_zone import effective_zones
from outbound_sms.domain.time_zone import parse_zone

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class HoldReason(IntEnum):
    """What keeps a message back."""

    QUIET_HOURS = 1
    SMS_DISABLED = 2
    SENDING_NUMBER_DISABLED = 3
    MASS_MESSAGE_PAUSED = 4
    TOP_UP = 5
    SENDING_LIMIT = 6
    SURGE = 7


@dataclass(frozen=True, slots=True)
class Hold:
    """`release_time` is when it ends by itself, at the latest; None when somebody has to end it."""

    reason: HoldReason
    release_time: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class HoldRules:
    """What an instance holds all its messages by, at the time `now` of the database.

    `waits_until`: messages wait for an automatic top-up until then, unless it is past.
    `limits_until`: a limit of the minute or day is reached until then; None when none is.
    `surge_paused`: triggered messages are paused until somebody resumes them.
    """

    sms_enabled: bool
    quiet_hours: QuietHours | None
    time_zone: str
    now: datetime
    waits_until: datetime | None = None
    limits_until: datetime | None = None
    surge_paused: bool = False


_SMS_DISABLED = Hold(
    HoldReason.SMS_DISABLED,
    None,
    "Sending is switched off in the SMS settings; switch it on to release the message.",
)
_SENDING_NUMBER_DISABLED = Hold(
    HoldReason.SENDING_NUMBER_DISABLED,
    None,
    "The sending number is disabled; enable it to release the message.",
)
_MASS_MESSAGE_PAUSED = Hold(
    HoldReason.MASS_MESSAGE_PAUSED,
    None,
    "The mass message is paused; resume it to release the message.",
)
_SURGE = Hold(
    HoldReason.SURGE,
    None,
    "Triggered messages are paused, because there were many times the usual of them; resume them "
    "to release the message.",
)


def find_hold(
    rules: HoldRules,
    *,
    number_enabled: bool,
    mass_message_paused: bool,
    recipient_key: str | None,
    keyword_reply: bool = False,
    prefix_until: datetime | None = None,
) -> Hold | None:
    """The first thing that keeps a Pending message back, None when nothing does.

    `recipient_key` is that of `RecipientZone`, None for a message that is not triggered: quiet
    hours hold no others (the product article, "Configuring Quiet Hours"). Those that end by
    themselves come last, because their time of release would promise too much while another one
    lasts: quiet hours, the wait for a top-up, and limits. Of these the one that lasts longest is
    told. An answer to a keyword costs nothing and is not limited. `prefix_until`: the numbers that
    differ in their last four digits only have had enough texts until then.
    """
    if not rules.sms_enabled:
        return _SMS_DISABLED
    if not number_enabled:
        return _SENDING_NUMBER_DISABLED
    if mass_message_paused:
        return _MASS_MESSAGE_PAUSED
    if rules.surge_paused and recipient_key is not None:
        return _SURGE
    found: list[Hold | None] = []
    if recipient_key is not None and rules.quiet_hours is not None:
        found.append(_quiet_hold(rules.quiet_hours, recipient_key, rules.time_zone, rules.now))
    if not keyword_reply:
        for until, hold in (
            (rules.waits_until, _top_up_hold),
            (rules.limits_until, _limit_hold),
            (prefix_until, _limit_hold),
        ):
            if until is not None and until > rules.now:
                found.append(hold(until, rules.time_zone))
    return max((hold for hold in found if hold is not None), key=_lasts, default=None)


def _lasts(hold: Hold) -> tuple[bool, datetime]:
    """Orders holds by their end; what has none lasts longest."""
    return hold.release_time is None, hold.release_time or _LONG_AGO


# A page shows up to 1,000 messages that wait for the same few zones.
@lru_cache(maxsize=1024)
def _quiet_hold(hours: QuietHours, key: str, time_zone: str, now: datetime) -> Hold | None:
    release = next_release(hours, effective_zones(hours.mode, key, time_zone), now)
    if release is None:
        text = (
            "It is always quiet in one of the time zones of the recipient; give the contact its "
            "time zone, or shorten the quiet hours."
        )
        return Hold(HoldReason.QUIET_HOURS, None, text)
    if release <= now:
        return None
    until = format_local_time(release, parse_zone(time_zone), Language.EN)
    whose = "Quiet hours" if hours.mode is QuietMode.INSTANCE else "Quiet hours of the recipient"
    return Hold(HoldReason.QUIET_HOURS, release, f"{whose} until {until}.")


@lru_cache(maxsize=1024)
def _top_up_hold(waits_until: datetime, time_zone: str) -> Hold:
    until = format_local_time(waits_until, parse_zone(time_zone), Language.EN)
    text = f"The money does not do; it waits for an automatic top-up until {until} at the latest."
    return Hold(HoldReason.TOP_UP, waits_until, text)


@lru_cache(maxsize=1024)
def _limit_hold(limits_until: datetime, time_zone: str) -> Hold:
    until = format_local_time(limits_until, parse_zone(time_zone), Language.EN)
    text = f"A sending limit of the instance is reached; there is room again from {until}."
    return Hold(HoldReason.SENDING_LIMIT, limits_until, text)
