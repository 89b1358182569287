"""Limits against fraud and what is used of them, as people read them."""

from collections.abc import Iterator

from outbound_sms.cli.output import console, facts, local_time
from outbound_sms.domain.money_text import show_micros
from outboundsms.v1 import sending_limits_pb2 as pb

_REACHED = {
    pb.SENDING_LIMIT_MESSAGES_PER_MINUTE: "messages per minute",
    pb.SENDING_LIMIT_MESSAGES_PER_DAY: "messages per day",
    pb.SENDING_LIMIT_SPEND_PER_DAY: "spend per day",
    pb.SENDING_LIMIT_SURGE: "surge",
}


def show_limits(limits: pb.SendingLimits, usage: pb.SendingUsage, currency: str) -> None:
    """Prints each limit with what is used of it, money in `currency`."""
    console.print(facts(_facts(limits, usage, currency)), soft_wrap=True)


def _facts(
    limits: pb.SendingLimits, usage: pb.SendingUsage, currency: str
) -> Iterator[tuple[str, str]]:
    minute, day = limits.messages_per_minute, limits.messages_per_day
    yield "Messages per minute", f"{usage.messages_this_minute:,} {_of(minute)}"
    yield "Messages per day", f"{usage.messages_today:,} {_of(day)}"
    spent = show_micros(usage.spent_today_micros, currency)
    money = limits.spend_per_day_micros
    yield (
        "Spend per day",
        f"{spent} of {show_micros(money, currency)}" if money else f"{spent}, no limit",
    )
    yield "To a number in 24 hours", _most(limits.messages_per_number_per_day)
    yield "To a prefix per hour", _most(limits.messages_per_prefix_per_hour)
    yield "Surge", _surge(limits, usage)
    names = [_REACHED.get(limit, "one that this version does not know") for limit in usage.reached]
    yield "Reached now", ", ".join(names) or "none"
    if usage.HasField("surge_pause_time"):
        since = local_time(usage.surge_pause_time)
        resume = "`outbound-sms limits resume-triggered` lets them go"
        yield "Triggered messages", f"paused since {since}; {resume}"


def _of(limit: int) -> str:
    return f"of {limit:,}" if limit else "sent, no limit"


def _most(limit: int) -> str:
    return f"at most {limit:,}" if limit else "no limit"


def _surge(limits: pb.SendingLimits, usage: pb.SendingUsage) -> str:
    usual = usage.usual_triggered_per_hour
    said = (
        f"{usage.triggered_this_hour:,} triggered this hour, at most {usual:,} in the week before"
    )
    if not limits.surge_multiple:
        return f"{said}; never paused"
    return f"{said}; paused above {max(100, limits.surge_multiple * usual):,}"
