"""What the demonstration's subscribers were texted around a STOP, and what the ledger says."""

import asyncio
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from outbound_sms.cli.demo.step import DemoFailed
from outbound_sms.cli.message_show import reason_of
from outbound_sms.cli.output import console, local_time, plain_line, styled_status
from outboundsms import Client
from outboundsms.v1 import contacts_pb2, delivery_pb2

POLL_SECONDS = 0.1
LONGEST_WAIT = 15.0
# More texts of one number than a demonstration makes.
LATEST = 20
LATEST_EVENTS = 3
OPTED_OUT = "POLICY.OPTED_OUT"
_DELIVERED = delivery_pb2.MESSAGE_STATUS_DELIVERED
_REPLY = delivery_pb2.MESSAGE_KIND_KEYWORD_REPLY
_KINDS = {
    delivery_pb2.MESSAGE_KIND_MASS: "mass message",
    delivery_pb2.MESSAGE_KIND_TRIGGERED: "triggered message",
    _REPLY: "answer to a keyword",
}


async def texts_after_replies(
    client: Client, numbers: Sequence[str], replies: int, mass_message_id: str
) -> list[delivery_pb2.Message]:
    """What each number was texted since the mass message, oldest first, once so many answers to
    keywords of each are Delivered. Raises DemoFailed when they are not in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LONGEST_WAIT
    while loop.time() < deadline:
        found = [await _texts_of(client, number, mass_message_id) for number in numbers]
        if all(_answered(texts) >= replies for texts in found):
            return [text for texts in found for text in texts]
        await asyncio.sleep(POLL_SECONDS)
    raise DemoFailed("An answer to a keyword was not delivered.")


async def _texts_of(
    client: Client, number: str, mass_message_id: str
) -> list[delivery_pb2.Message]:
    request = delivery_pb2.ListMessagesRequest(page_size=LATEST, phone_number=number)
    found: list[delivery_pb2.Message] = []
    for each in (await client.delivery.ListMessages(request)).messages:
        found.insert(0, each)
        if each.mass_message_id == mass_message_id:
            break
    return found


def _answered(texts: Sequence[delivery_pb2.Message]) -> int:
    return sum(each.kind == _REPLY and each.status == _DELIVERED for each in texts)


def show_texts(texts: Sequence[delivery_pb2.Message]) -> None:
    """Prints a line for each text."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("Number", "Text", "Status", "Reject reason"):
        table.add_column(column)
    for each in texts:
        kind = _KINDS.get(each.kind, "text")
        table.add_row(each.phone_number, kind, styled_status(each.status), reason_of(each))
    console.print(table)


def check_stopped(texts: Sequence[delivery_pb2.Message], *, reached: str, waiting: str) -> None:
    """Raises DemoFailed unless each number got one confirmation, `reached` had the text already,
    and that of `waiting` failed."""
    found = sorted((each.phone_number, each.kind, each.status, reason_of(each)) for each in texts)
    mass, failed = delivery_pb2.MESSAGE_KIND_MASS, delivery_pb2.MESSAGE_STATUS_FAILED
    expected = sorted(
        [
            (reached, mass, _DELIVERED, ""),
            (reached, _REPLY, _DELIVERED, ""),
            (waiting, mass, failed, OPTED_OUT),
            (waiting, _REPLY, _DELIVERED, ""),
        ]
    )
    if found != expected:
        raise DemoFailed("Those who replied STOP should have got a confirmation and no more.")


async def show_answer(client: Client, texts: Sequence[delivery_pb2.Message]) -> None:
    """Prints what the newest answer to a keyword says."""
    for each in reversed(texts):
        if each.kind == _REPLY:
            request = delivery_pb2.GetMessageRequest(message_id=each.message_id)
            answer = await client.delivery.GetMessage(request)
            plain_line(f"It says: {answer.body.text}")
            return


async def show_consent(client: Client, number: str) -> None:
    """Prints what is on record of the number's consent, the newest events, oldest first."""
    request = contacts_pb2.ListConsentEventsRequest(page_size=LATEST_EVENTS, number=number)
    events = (await client.contacts.ListConsentEvents(request)).consent_events
    plain_line(f"On record of {number}:")
    for each in reversed(events):
        kind = contacts_pb2.ConsentEventKind.Name(each.kind).removeprefix("CONSENT_EVENT_KIND_")
        source = contacts_pb2.ConsentSource.Name(each.source).removeprefix("CONSENT_SOURCE_")
        line = f"  {local_time(each.occur_time)}  {kind}, {source}: {each.evidence}"
        console.print(Text(line.rstrip(": "), "dim"), soft_wrap=True)
