"""The second half of the demonstration: a text that an invoice triggers waits for quiet hours."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from outbound_sms.cli.demo.quiet_window import quiet_around, quiet_before
from outbound_sms.cli.demo.step import DemoFailed, title
from outbound_sms.cli.fire_words import texts_of
from outbound_sms.cli.message_show import show_details
from outbound_sms.cli.output import console, facts, plain_line
from outbound_sms.cli.quiet_hours import set_quiet_hours
from outbound_sms.cli.quiet_hours_words import force_in_words, hours_in_words
from outbound_sms.cli.trigger_fire import show_result
from outboundsms import Client
from outboundsms.v1 import (
    delivery_pb2,
    directory_pb2,
    quiet_hours_pb2,
    settings_pb2,
    triggers_pb2,
)

# Long enough for a dispatcher that did not mind quiet hours.
LOOK_AGAIN_SECONDS = 1.0
POLL_SECONDS = 0.1
LONGEST_WAIT = 15.0
FINAL = (delivery_pb2.MESSAGE_STATUS_DELIVERED, delivery_pb2.MESSAGE_STATUS_FAILED)


async def tell_triggered(
    client: Client, triggered: triggers_pb2.TriggeredMessage, account: directory_pb2.Account
) -> None:
    """Fires an event in quiet hours, twice; ends them, and shows the text delivered.

    The quiet hours of the instance are afterwards what they were. Raises DemoFailed when something
    else happens than should.
    """
    async with _borrowed_quiet_hours(client) as zone:
        title("Quiet hours begin")
        await _set(client, quiet_around(datetime.now(UTC), zone))
        event = await _event(client, triggered, account, zone)
        title(f"Fire {event.trigger_type} for account {account.account_number}")
        for name, value in sorted(event.variables.items()):
            plain_line(f"{name}: {value}")
        message_id = await _fire(client, event, triggers_pb2.FIRE_OUTCOME_FIRED)
        answer = await _get(client, message_id)
        show_details(answer)
        _check_held(answer)
        title("Fire the same event again")
        again = await _fire(client, event, triggers_pb2.FIRE_OUTCOME_ALREADY_FIRED)
        if again != message_id:
            raise DemoFailed(f"The event made {message_id} first, and {again} when it came again.")
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
        _check_held(await _get(client, message_id))
        title("Quiet hours end")
        await _set(client, quiet_before(datetime.now(UTC), zone))
        await _show_delivered(client, message_id)


@asynccontextmanager
async def _borrowed_quiet_hours(client: Client) -> AsyncIterator[ZoneInfo]:
    """The instance's time zone; puts its quiet hours back at the end, however that comes."""
    answer = await client.settings.GetQuietHours(settings_pb2.GetQuietHoursRequest())
    before = answer.quiet_hours
    try:
        yield ZoneInfo(before.time_zone)
    finally:
        hours = quiet_hours_pb2.QuietHours(
            start_time=before.start_time, end_time=before.end_time, mode=before.mode
        )
        await set_quiet_hours(client, hours)


async def _set(client: Client, hours: quiet_hours_pb2.QuietHours) -> None:
    stored = await set_quiet_hours(client, hours)
    console.print(
        facts((("Quiet hours", hours_in_words(stored)), ("In force now", force_in_words(stored)))),
        soft_wrap=True,
    )


async def _event(
    client: Client,
    triggered: triggers_pb2.TriggeredMessage,
    account: directory_pb2.Account,
    zone: ZoneInfo,
) -> triggers_pb2.TriggerEvent:
    """An event that the triggered message is for, with what its trigger type needs."""
    request = triggers_pb2.ListTriggerTypesRequest()
    catalogue = (await client.triggers.ListTriggerTypes(request)).trigger_types
    [kind] = [each for each in catalogue if each.key == triggered.trigger_type]
    event = triggers_pb2.TriggerEvent(
        trigger_type=kind.key,
        account_number=account.account_number,
        job_type=triggered.job_type,
        event_key=f"demo-{uuid.uuid4()}",
    )
    if triggered.HasField("count"):
        event.count = triggered.count
    days = event.count if kind.count_unit == triggers_pb2.COUNT_UNIT_DAYS else 3
    then = datetime.now(zone).replace(microsecond=0) + timedelta(days=days)
    values = {
        triggers_pb2.TRIGGER_VARIABLE_KIND_AMOUNT: "45.10",
        triggers_pb2.TRIGGER_VARIABLE_KIND_DATE: f"{then:%Y-%m-%d}",
        triggers_pb2.TRIGGER_VARIABLE_KIND_TIME: then.isoformat(),
    }
    for variable in kind.variables:
        if variable.required:
            event.variables[variable.name] = values.get(variable.kind, "Demonstration")
    return event


async def _fire(
    client: Client, event: triggers_pb2.TriggerEvent, expected: triggers_pb2.FireOutcome.ValueType
) -> str:
    """Fires the event and returns the id of its first text."""
    request = triggers_pb2.FireTriggerRequest(event=event)
    result = (await client.triggers.FireTrigger(request)).result
    await show_result(client, event.trigger_type, result)
    made = texts_of(result)
    if result.outcome != expected or not made:
        wanted = triggers_pb2.FireOutcome.Name(expected).removeprefix("FIRE_OUTCOME_")
        raise DemoFailed(f"The event should have been {wanted}; see above what it came to.")
    return made[0]


def _check_held(answer: delivery_pb2.GetMessageResponse) -> None:
    if answer.message.hold.reason != delivery_pb2.HOLD_REASON_QUIET_HOURS:
        raise DemoFailed(f"{answer.message.message_id} should wait for the end of quiet hours.")


async def _show_delivered(client: Client, message_id: str) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LONGEST_WAIT
    answer = await _get(client, message_id)
    while answer.message.status not in FINAL and loop.time() < deadline:
        await asyncio.sleep(POLL_SECONDS)
        answer = await _get(client, message_id)
    show_details(answer)
    if answer.message.status != delivery_pb2.MESSAGE_STATUS_DELIVERED:
        raise DemoFailed(f"{message_id} should have been delivered after quiet hours.")
    if not answer.message.quiet_hours_evidence.checked_time_zones:
        raise DemoFailed(f"{message_id} does not say which quiet hours it kept.")


async def _get(client: Client, message_id: str) -> delivery_pb2.GetMessageResponse:
    return await client.delivery.GetMessage(delivery_pb2.GetMessageRequest(message_id=message_id))
