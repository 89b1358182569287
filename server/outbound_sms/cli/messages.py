"""`outbound-sms messages`: what was sent, and what became of it."""

import click
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.names import LARGEST_PAGE, pages
from outbound_sms.cli.output import (
    STATUS_NAMES,
    console,
    facts,
    local_time,
    money,
    print_json,
    status_name,
    styled_status,
)
from outboundsms import Client
from outboundsms.v1 import delivery_pb2

STATUSES = {name.lower().replace(" ", "-"): value for value, name in STATUS_NAMES.items()}


@click.group()
def messages() -> None:
    """Shows sent messages."""


@messages.command(
    "list",
    epilog="""\b
Examples:
  outbound-sms messages list --status failed --limit 20
  outbound-sms messages list --mass-message ID --limit 0 --json
""",
)
@click.option("--status", multiple=True, type=click.Choice(list(STATUSES)), help="Any of these.")
@click.option("--mass-message", default="", help="Of this mass message.")
@click.option("--account", default="", help="To contacts of this account, by id.")
@click.option("--number", default="", help="To this phone number.")
@click.option("--reason", default="", help="That failed for this reason, GROUP.CODE.")
@click.option("--limit", default=50, show_default=True, help="How many at most; 0 means all.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each message.")
@connected
def list_messages(
    connection: Connection,
    status: tuple[str, ...],
    mass_message: str,
    account: str,
    number: str,
    reason: str,
    limit: int,
    as_json: bool,
) -> None:
    """Lists messages, newest first."""
    request = delivery_pb2.ListMessagesRequest(
        page_size=min(limit, LARGEST_PAGE) if limit > 0 else LARGEST_PAGE,
        statuses=[delivery_pb2.MessageStatus.ValueType(STATUSES[each]) for each in status],
        mass_message_id=mass_message,
        account_id=account,
        phone_number=number,
        reject_reason=reason,
    )

    async def work(client: Client) -> None:
        shown = 0
        table = _table()
        async for page in pages(client.delivery.ListMessages, request):
            for message in page.messages:
                if limit and shown == limit:
                    break
                shown += 1
                if as_json:
                    print_json(message)
                else:
                    _add(table, message)
            if limit and shown == limit:
                break
        if not as_json:
            console.print(table if shown else "No messages match.")

    connection.run(work)


@messages.command(
    "show", epilog="Example: outbound-sms messages show 0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a11"
)
@click.argument("message_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def show_message(connection: Connection, message_id: str, as_json: bool) -> None:
    """Shows one message with its text, its history and what the carrier answered."""

    async def work(client: Client) -> None:
        request = delivery_pb2.GetMessageRequest(message_id=message_id)
        answer = await client.delivery.GetMessage(request)
        if as_json:
            print_json(answer)
        else:
            _show(answer)

    connection.run(work)


def _table() -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("Created", "Recipient", "Contact type", "Number", "Status", "Reason"):
        table.add_column(column)
    table.add_column("Segments", justify="right")
    table.add_column("Cost", justify="right")
    return table


def _add(table: Table, message: delivery_pb2.Message) -> None:
    table.add_row(
        local_time(message.create_time),
        Text(message.recipient_name),
        Text(message.contact_type),
        message.phone_number,
        styled_status(message.status),
        reason_of(message),
        str(message.billable_segments),
        money(message.cost_micros, message.currency),
    )


def reason_of(message: delivery_pb2.Message) -> str:
    """The reject reason as `GROUP.CODE`, empty unless the message failed."""
    reason = message.reject_reason
    return f"{reason.group}.{reason.code}" if message.HasField("reject_reason") else ""


def _show(answer: delivery_pb2.GetMessageResponse) -> None:
    message = answer.message
    console.print(
        facts(
            (
                ("Message", message.message_id),
                ("To", f"{message.recipient_name}, {message.phone_number}"),
                ("Of", message.related_entity.name),
                ("Status", status_name(message.status)),
                ("Reason", message.reject_reason.text or reason_of(message) or "none"),
                ("Segments", str(message.billable_segments)),
                ("Cost", money(message.cost_micros, message.currency)),
            )
        )
    )
    console.print(Text(f"\n{answer.body.text}\n"))
    for change in answer.history:
        line = Text(f"{local_time(change.event_time)}  ", "dim")
        console.print(line.append_text(styled_status(change.status)))
    for attempt in answer.attempts:
        outcome = delivery_pb2.AttemptOutcome.Name(attempt.outcome).removeprefix("ATTEMPT_OUTCOME_")
        line = Text(f"{local_time(attempt.submit_time)}  attempt {attempt.number}: ", "dim")
        line.append(f"{attempt.carrier} {outcome.lower().replace('_', ' ')}")
        console.print(line.append(f" {attempt.carrier_message_id}", "dim"))
