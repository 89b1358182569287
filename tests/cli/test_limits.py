"""`outbound-sms limits` and `admin limits`, against a server that answers as told."""

import json
from datetime import UTC, datetime

import pytest

from outbound_sms.cli.admin.command import admin
from outbound_sms.cli.limits import limits
from outboundsms.v1 import instances_pb2, settings_pb2
from outboundsms.v1 import sending_limits_pb2 as pb
from tests.cli.scripted import scripted, words

INSTANCE = "0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a11"
LIMITS = pb.SendingLimits(
    messages_per_minute=600,
    spend_per_day_micros=250_000_000,
    messages_per_number_per_day=10,
    surge_multiple=5,
    etag="3",
)
USAGE = pb.SendingUsage(
    messages_this_minute=12,
    messages_today=3_400,
    spent_today_micros=25_500_000,
    triggered_this_hour=151,
    usual_triggered_per_hour=30,
)
SHOWN = settings_pb2.GetSendingLimitsResponse(limits=LIMITS, usage=USAGE)
SETTINGS = settings_pb2.GetSmsSettingsResponse(settings=settings_pb2.SmsSettings(currency="CAD"))

pytestmark = pytest.mark.usefixtures("plain_terminal")


async def test_limits_are_shown_with_what_is_used_of_them() -> None:
    answers = {"Settings.GetSendingLimits": SHOWN, "Settings.GetSmsSettings": SETTINGS}
    async with scripted(answers) as terminal:
        shown = await terminal.run(limits)
        assert shown.exit_code == 0
        lines = [words(line) for line in shown.output.splitlines()]
        assert (await terminal.run(limits, "show")).output == shown.output
        raw = json.loads((await terminal.run(limits, "--json")).output)
    assert lines == [
        "Messages per minute 12 of 600",
        "Messages per day 3,400 sent, no limit",
        "Spend per day 25.50 CAD of 250.00 CAD",
        "To a number in 24 hours at most 10",
        "To a prefix per hour no limit",
        "Surge 151 triggered this hour, at most 30 in the week before; paused above 150",
        "Reached now none",
    ]
    assert raw["limits"]["messages_per_minute"] == 600


async def test_a_pause_and_what_is_reached_are_shown_and_the_pause_is_ended() -> None:
    paused = settings_pb2.GetSendingLimitsResponse(limits=LIMITS, usage=USAGE)
    paused.usage.reached.extend([pb.SENDING_LIMIT_MESSAGES_PER_DAY, pb.SENDING_LIMIT_SURGE])
    paused.usage.surge_pause_time.FromDatetime(datetime(2026, 11, 23, 14, 30, tzinfo=UTC))
    answers = {
        "Settings.GetSendingLimits": paused,
        "Settings.GetSmsSettings": SETTINGS,
        "Settings.ResumeTriggeredMessages": settings_pb2.ResumeTriggeredMessagesResponse(
            usage=USAGE
        ),
    }
    async with scripted(answers) as terminal:
        shown = words((await terminal.run(limits)).output)
        ended = await terminal.run(limits, "resume-triggered")
        raw = json.loads((await terminal.run(limits, "resume-triggered", "--json")).output)
    assert "Reached now messages per day, surge" in shown
    assert "paused since" in shown and "limits resume-triggered" in shown
    assert (ended.exit_code, ended.output) == (0, "Triggered messages go out.\n")
    assert raw["usage"]["messages_today"] == 3_400


async def test_the_operator_changes_what_is_given_and_sees_the_rest() -> None:
    answers = {
        "Instances.UpdateSendingLimits": instances_pb2.UpdateSendingLimitsResponse(limits=LIMITS),
        "Instances.GetInstanceSendingLimits": instances_pb2.GetInstanceSendingLimitsResponse(
            limits=LIMITS, usage=USAGE
        ),
        "Instances.GetInstance": instances_pb2.GetInstanceResponse(
            instance=instances_pb2.Instance(currency="USD")
        ),
    }
    async with scripted(answers) as terminal:
        only_shown = await terminal.run(admin, "limits", INSTANCE)
        assert "of 250.00 USD" in only_shown.output
        assert terminal.requests("Instances.UpdateSendingLimits") == []
        options = ("--messages-per-minute", "600", "--spend-per-day", "250.00")
        others = ("--messages-per-number", "0", "--messages-per-prefix", "50")
        changed = await terminal.run(admin, "limits", INSTANCE, *options, *others)
        assert (changed.exit_code, changed.output) == (0, only_shown.output)
        (asked,) = terminal.requests("Instances.UpdateSendingLimits")
        raw = await terminal.run(admin, "limits", INSTANCE, "--json", "--surge-multiple", "0")
        assert json.loads(raw.output)["usage"]["triggered_this_hour"] == 151
    assert asked.instance_id == INSTANCE
    assert sorted(asked.update_mask.paths) == [
        "messages_per_minute",
        "messages_per_number_per_day",
        "messages_per_prefix_per_hour",
        "spend_per_day_micros",
    ]
    assert (asked.limits.messages_per_minute, asked.limits.spend_per_day_micros) == (
        600,
        250_000_000,
    )


@pytest.mark.parametrize("option", [("--messages-per-day", "9999999999"), ("--spend-per-day", "x")])
async def test_what_cannot_be_sent_is_refused(option: tuple[str, str]) -> None:
    async with scripted({}) as terminal:
        refused = await terminal.run(admin, "limits", INSTANCE, *option)
    assert refused.exit_code == 2
