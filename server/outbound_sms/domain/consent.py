"""Consent to be texted: how it is given, what changes it, and what may not change it."""

from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

LONGEST_EVIDENCE = 2_000

# A caller's clock may be this much ahead of the database's before a time counts as the future.
CLOCK_SKEW = timedelta(minutes=1)


class ConsentSource(IntEnum):
    """How a consent, or its end, was given. The numbers are stored and are the contract's."""

    WEB = 1
    PHONE = 2
    PAPER = 3
    EMAIL = 4
    AGENT = 5
    SMS = 6
    IMPORT = 7
    CARRIER = 8


# SMS and CARRIER are recorded by the service itself, never on somebody's word.
CALLER_SOURCES = frozenset(ConsentSource) - {ConsentSource.SMS, ConsentSource.CARRIER}


class ConsentEventKind(IntEnum):
    """What changed. The numbers are stored and are the contract's."""

    OPT_IN = 1
    OPT_OUT = 2
    OPT_IN_AGAIN = 3


class OptInRefusal(StrEnum):
    """Why an import may not opt a number in, as a sentence that follows the column's name."""

    SUPPRESSED = "opts in a number that replied STOP; only a START from it lifts that"
    OPTED_OUT = (
        "opts in a number that has opted out; give a consent_time after the opt-out, "
        "or opt it in by hand"
    )


def kind_of_change(opted_in: bool, opted_out_before: bool) -> ConsentEventKind:
    """What to record when an opt-in changes to `opted_in`."""
    if not opted_in:
        return ConsentEventKind.OPT_OUT
    return ConsentEventKind.OPT_IN_AGAIN if opted_out_before else ConsentEventKind.OPT_IN


def is_in_future(moment: datetime, now: datetime) -> bool:
    """Whether the moment lies after `now` by more than a difference of clocks explains."""
    return moment > now + CLOCK_SKEW
