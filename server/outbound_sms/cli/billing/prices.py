"""`outbound-sms billing prices`: what a segment costs."""

import click

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, print_json
from outbound_sms.cli.price_show import price_table
from outboundsms import Client
from outboundsms.v1 import billing_pb2


@click.command("prices", epilog="Example: outbound-sms billing prices")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def prices(connection: Connection, as_json: bool) -> None:
    """Shows the prices of a segment, those that are in force first, then those that will follow.

    By the country of the recipient's number and the encoding of the text. A text keeps the price at
    which it was accepted.
    """

    async def work(client: Client) -> None:
        answer = await client.billing.GetPrices(billing_pb2.GetPricesRequest())
        if as_json:
            print_json(answer)
            return
        if not answer.HasField("current"):
            console.print(
                "There are no prices yet, so nothing can be sent: the platform operator sets them.",
                soft_wrap=True,
            )
        in_force = [answer.current] if answer.HasField("current") else []
        if in_force or answer.upcoming:
            console.print(price_table([*in_force, *answer.upcoming]))

    connection.run(work)
