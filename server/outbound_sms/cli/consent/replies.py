"""`outbound-sms consent replies`: what people texted back that is no keyword."""

import click
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.consent.words import shown_text
from outbound_sms.cli.names import LARGEST_PAGE, pages
from outbound_sms.cli.output import console, local_time, print_json
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
    request = contacts_pb2.ListUnclassifiedRepliesRequest(
        page_size=min(limit, LARGEST_PAGE) if limit > 0 else LARGEST_PAGE
    )

    async def work(client: Client) -> None:
        shown, table = 0, _table()
        async for page in pages(client.contacts.ListUnclassifiedReplies, request):
            for each in page.replies:
                if limit and shown == limit:
                    break
                shown += 1
                if as_json:
                    print_json(each)
                else:
                    _add(table, each)
            if limit and shown == limit:
                break
        if not as_json:
            console.print(table if shown else "There are none.")

    connection.run(work)


def _table() -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Received", no_wrap=True)
    table.add_column("Number", no_wrap=True)
    table.add_column("Contacts", justify="right")
    table.add_column("Text", overflow="fold")
    return table


def _add(table: Table, reply: contacts_pb2.UnclassifiedReply) -> None:
    table.add_row(
        local_time(reply.receive_time),
        reply.number,
        str(len(reply.contact_ids)),
        Text(shown_text(reply.text)),
    )
