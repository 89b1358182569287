"""What became of every text of a mass message."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

from rich.table import Table

from outbound_sms.cli.message_show import reason_of
from outbound_sms.cli.names import LARGEST_PAGE, pages
from outbound_sms.cli.output import console, status_name, styled_status
from outboundsms import Client
from outboundsms.v1 import delivery_pb2, mass_messages_pb2

# Receipts follow a text within a second here; some numbers never get one.
QUIET_SECONDS = 2.0
POLL_SECONDS = 0.25
LONGEST_WAIT = 15.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Texts by status and by reject reason (`GROUP.CODE`, empty for those that did not fail)."""

    counts: Counter[tuple[int, str]]

    @property
    def recipients(self) -> int:
        """All texts."""
        return self.counts.total()

    def of(self, status: int) -> int:
        """Texts with this status."""
        return sum(count for (each, _), count in self.counts.items() if each == status)


async def receipts(
    client: Client, mass_message_id: str
) -> AsyncIterator[mass_messages_pb2.MassMessage]:
    """The mass message until every text is delivered or failed, or nothing changes for a while."""
    request = mass_messages_pb2.GetMassMessageRequest(mass_message_id=mass_message_id)
    loop = asyncio.get_running_loop()
    last, changed, deadline = -1, loop.time(), loop.time() + LONGEST_WAIT
    while loop.time() < deadline:
        answer = await client.mass_messages.GetMassMessage(request)
        yield answer.mass_message
        sent = answer.mass_message.progress.sent
        if sent != last:
            last, changed = sent, loop.time()
        if sent == 0 or loop.time() - changed > QUIET_SECONDS:
            return
        await asyncio.sleep(POLL_SECONDS)


async def read_outcome(client: Client, mass_message_id: str) -> Outcome:
    """Counts the texts as they are stored."""
    counts: Counter[tuple[int, str]] = Counter()
    request = delivery_pb2.ListMessagesRequest(
        page_size=LARGEST_PAGE, mass_message_id=mass_message_id
    )
    async for page in pages(client.delivery.ListMessages, request):
        counts.update((message.status, reason_of(message)) for message in page.messages)
    return Outcome(counts)


def show_outcome(outcome: Outcome) -> None:
    """Prints a line for each status and reason, most texts first."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Status")
    table.add_column("Reject reason")
    table.add_column("Texts", justify="right")
    ordered = sorted(
        outcome.counts.items(), key=lambda item: (status_name(item[0][0]), -item[1], item[0][1])
    )
    for (status, reason), count in ordered:
        table.add_row(styled_status(status), reason, f"{count:,}")
    console.print(table)
