"""`outbound-sms consent replies`: what people texted back that is no keyword."""

import click
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.consent.words import shown_text
from outbound_sms.cli.listing import show_list
from outbound_sms.cli.output import local_time
from outboundsms import Client
from outboundsms.v1 import contacts_pb2


@click.command("replies", epilog="Example: outbound-sms consent replies --limit 20")
@click.option("--limit", default=50, show_default=True, help="How many at most; 0 means all.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each reply.")
@connected
def replies(connection: Connection, limit: int, as_json: bool) -> None:
    """Lists replies that are neither STOP nor START nor HELP, newest first.

    Nothing was done about them: somebody should read them, as one may mean a STOP. `outbound-sms
    messages list --number NUMBER` shows what the writer had been sent.
    """

    async def work(client: Client) -> None:
        await show_list(
            client.contacts.ListUnclassifiedReplies,
            contacts_pb2.ListUnclassifiedRepliesRequest(),
            lambda page: page.replies,
            _table(),
            _row,
            limit=limit,
            as_json=as_json,
        )

    connection.run(work)


def _table() -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Received", no_wrap=True)
    table.add_column("Number", no_wrap=True)
    table.add_column("Contacts", justify="right")
    table.add_column("Text", overflow="fold")
    return table


def _row(reply: contacts_pb2.UnclassifiedReply) -> tuple[str, str, str, Text]:
    return (
        local_time(reply.receive_time),
        reply.number,
        str(len(reply.contact_ids)),
        Text(shown_text(reply.text)),
    )
