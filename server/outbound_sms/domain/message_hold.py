"""Why a Pending message waits, as a help desk reads it."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache

from outbound_sms.domain.language import Language
from outbound_sms.domain.local_time import format_local_time
from outbound_sms.domain.quiet_hours import QuietHours, QuietMode, next_release
from outbound_sms.domain.recipient_zone import effective_zones
from outbound_sms.domain.time_zone import parse_zone


class HoldReason(IntEnum):
    """What keeps a message back."""

    QUIET_HOURS = 1
    SMS_DISABLED = 2
    SENDING_NUMBER_DISABLED = 3
    MASS_MESSAGE_PAUSED = 4
    TOP_UP = 5


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
    """

    sms_enabled: bool
    quiet_hours: QuietHours | None
    time_zone: str
    now: datetime
    waits_until: datetime | None = None


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


def find_hold(
    rules: HoldRules,
    *,
    number_enabled: bool,
    mass_message_paused: bool,
    recipient_key: str | None,
) -> Hold | None:
    """The first thing that keeps a Pending message back, None when nothing does.

    `recipient_key` is that of `RecipientZone`, None for a message that is not triggered: quiet
    hours hold no others (the product article, "Configuring Quiet Hours"). Those that end by
    themselves come last, because their time of release would promise too much while another one
    lasts: quiet hours and the wait for a top-up. Of these two the one that lasts longer is told.
    """
    if not rules.sms_enabled:
        return _SMS_DISABLED
    if not number_enabled:
        return _SENDING_NUMBER_DISABLED
    if mass_message_paused:
        return _MASS_MESSAGE_PAUSED
    quiet = None
    if recipient_key is not None and rules.quiet_hours is not None:
        quiet = _quiet_hold(rules.quiet_hours, recipient_key, rules.time_zone, rules.now)
    waits_until = rules.waits_until
    if waits_until is None or waits_until <= rules.now:
        return quiet
    if quiet is not None and (quiet.release_time is None or quiet.release_time > waits_until):
        return quiet
    return _top_up_hold(waits_until, rules.time_zone)


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
