"""`outbound-sms messages`: what was sent, and what became of it."""

import click

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.message_show import add_message, message_table, show_details
from outbound_sms.cli.names import LARGEST_PAGE, id_of, pages, triggered_message_ids
from outbound_sms.cli.output import STATUS_NAMES, console, plain_line, print_json
from outbound_sms.cli.quiet_hours_words import force_in_words, hours_in_words
from outbound_sms.cli.requeue import requeue
from outboundsms import Client
from outboundsms.v1 import delivery_pb2, quiet_hours_pb2

STATUSES = {name.lower().replace(" ", "-"): value for value, name in STATUS_NAMES.items()}


@click.group()
def messages() -> None:
    """Shows sent messages, and sends again what was not sent for lack of funds."""


messages.add_command(requeue)


@messages.command(
    "list",
    epilog="""\b
Examples:
  outbound-sms messages list --status failed --limit 20
  outbound-sms messages list --status insufficient-funds
  outbound-sms messages list --mass-message ID --limit 0 --json
  outbound-sms messages list --triggered-message "Due in 3 days" --status pending
""",
)
@click.option("--status", multiple=True, type=click.Choice(list(STATUSES)), help="Any of these.")
@click.option("--mass-message", default="", help="Of this mass message.")
@click.option("--triggered-message", default="", help="Of this triggered message, by name or id.")
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
    triggered_message: str,
    account: str,
    number: str,
    reason: str,
    limit: int,
    as_json: bool,
) -> None:
    """Lists messages, newest first, below the quiet hours that hold triggered ones back.

    A message that waits says what for, and until when where that ends by itself. With --json each
    line is a message; `outbound-sms quiet-hours show --json` has the quiet hours.
    """
    request = delivery_pb2.ListMessagesRequest(
        page_size=min(limit, LARGEST_PAGE) if limit > 0 else LARGEST_PAGE,
        statuses=[delivery_pb2.MessageStatus.ValueType(STATUSES[each]) for each in status],
        mass_message_id=mass_message,
        account_id=account,
        phone_number=number,
        reject_reason=reason,
    )

    async def work(client: Client) -> None:
        request.triggered_message_id = await id_of(
            client, "--triggered-message", triggered_message, triggered_message_ids
        )
        shown = 0
        table = message_table()
        hours = quiet_hours_pb2.QuietHours()
        async for page in pages(client.delivery.ListMessages, request):
            hours = page.quiet_hours
            for message in page.messages:
                if limit and shown == limit:
                    break
                shown += 1
                if as_json:
                    print_json(message)
                else:
                    add_message(table, message)
            if limit and shown == limit:
                break
        if as_json:
            return
        if hours.start_time:
            plain_line(f"Quiet hours {hours_in_words(hours)}, in force: {force_in_words(hours)}")
        console.print(table if shown else "No messages match.")

    connection.run(work)


@messages.command(
    "show", epilog="Example: outbound-sms messages show 0193b2c4-6f0e-7c51-a2f3-5d1c1d1f0a11"
)
@click.argument("message_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def show_message(connection: Connection, message_id: str, as_json: bool) -> None:
    """Shows one message: its text, what holds it, its history and what the carrier answered."""

    async def work(client: Client) -> None:
        request = delivery_pb2.GetMessageRequest(message_id=message_id)
        answer = await client.delivery.GetMessage(request)
        if as_json:
            print_json(answer)
        else:
            show_details(answer)

    connection.run(work)
