"""`outbound-sms settings numbers`: the numbers that texts come from."""

from collections.abc import Mapping

import click
from google.protobuf.field_mask_pb2 import FieldMask
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.carrier_routes import carriers_in_words, route_option
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.names import LARGEST_PAGE, id_of, pages, sending_number_ids
from outbound_sms.cli.output import console, print_json
from outboundsms import Client
from outboundsms.v1 import settings_pb2

KEYWORD_REPLIES: Mapping[str, settings_pb2.KeywordReplies.ValueType] = {
    "us": settings_pb2.KEYWORD_REPLIES_US,
    "provider": settings_pb2.KEYWORD_REPLIES_PROVIDER,
    "network": settings_pb2.KEYWORD_REPLIES_NETWORK,
}
_CARRIER = "Its carrier, as the operator of the server named it."
_ANSWERS = "Who answers STOP, START and HELP: this service, the carrier's platform, the network."


@click.group()
def numbers() -> None:
    """Shows and changes the sending numbers."""


@numbers.command("list", epilog="Example: outbound-sms settings numbers list")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each.")
@connected
def list_numbers(connection: Connection, as_json: bool) -> None:
    """Lists the sending numbers, oldest first."""

    async def work(client: Client) -> None:
        request = settings_pb2.ListSendingNumbersRequest(page_size=LARGEST_PAGE)
        found = [
            each
            async for page in pages(client.settings.ListSendingNumbers, request)
            for each in page.sending_numbers
        ]
        if not found and not as_json:
            console.print("There are none. `outbound-sms settings numbers add --help` shows how.")
        else:
            _show(found, as_json)

    connection.run(work)


@numbers.command(
    "add",
    epilog="""\b
Examples:
  outbound-sms settings numbers add +12125550100 --carrier main --rate 10
  outbound-sms settings numbers add +12125550100 --route main:70 --route backup:30 --rate 10
""",
)
@click.argument("number")
@click.option("--carrier", help=_CARRIER + " Not needed with --route.")
@route_option
@click.option("--rate", type=float, required=True, help="Carrier segments per second.")
@click.option(
    "--keyword-replies",
    type=click.Choice(list(KEYWORD_REPLIES)),
    default="us",
    show_default=True,
    help=_ANSWERS,
)
@click.option("--default", "is_default", is_flag=True, help="Sends that name no number take it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def add(
    connection: Connection,
    number: str,
    carrier: str | None,
    routes: tuple[settings_pb2.CarrierRoute, ...],
    rate: float,
    keyword_replies: str,
    is_default: bool,
    as_json: bool,
) -> None:
    """Adds a sending number, E.164. The first one becomes the default."""
    if not carrier and not routes:
        raise click.UsageError("Nobody would take its texts. Give --carrier or --route.")

    async def work(client: Client) -> None:
        wanted = settings_pb2.SendingNumber(
            number=number,
            carrier=carrier or "",
            routes=routes,
            segments_per_second=rate,
            keyword_replies=KEYWORD_REPLIES[keyword_replies],
            is_default=is_default,
        )
        request = settings_pb2.CreateSendingNumberRequest(sending_number=wanted)
        _show([(await client.settings.CreateSendingNumber(request)).sending_number], as_json)

    connection.run(work)


@numbers.command(
    "update",
    epilog="""\b
Examples:
  outbound-sms settings numbers update +12125550100 --rate 40
  outbound-sms settings numbers update +12125550100 --route main --route backup:0
  outbound-sms settings numbers update +12125550100 --disable
""",
)
@click.argument("number")
@click.option("--carrier", help=_CARRIER + " Without --route it takes the texts alone.")
@route_option
@click.option("--rate", type=float, help="Carrier segments per second.")
@click.option("--keyword-replies", type=click.Choice(list(KEYWORD_REPLIES)), help=_ANSWERS)
@click.option("--default", "is_default", is_flag=True, help="Sends that name no number take it.")
@click.option("--enable/--disable", "enabled", default=None, help="Disabled: what waits is held.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def update(
    connection: Connection,
    number: str,
    carrier: str | None,
    routes: tuple[settings_pb2.CarrierRoute, ...],
    rate: float | None,
    keyword_replies: str | None,
    is_default: bool,
    enabled: bool | None,
    as_json: bool,
) -> None:
    """Changes what is given of a sending number, by E.164 or id; the rest stays."""
    wanted = settings_pb2.SendingNumber(
        carrier=carrier or "",
        routes=routes,
        segments_per_second=rate or 0.0,
        is_default=is_default,
        disabled=enabled is False,
    )
    if keyword_replies is not None:
        wanted.keyword_replies = KEYWORD_REPLIES[keyword_replies]
    changes = {
        "carrier": carrier is not None,
        "routes": bool(routes),
        "segments_per_second": rate is not None,
        "keyword_replies": keyword_replies is not None,
        "is_default": is_default,
        "disabled": enabled is not None,
    }
    paths = [name for name, given in changes.items() if given]
    if not paths:
        raise click.UsageError("Nothing to change. Give --rate, --disable or another option.")

    async def work(client: Client) -> None:
        wanted.sending_number_id = await id_of(client, "NUMBER", number, sending_number_ids)
        request = settings_pb2.UpdateSendingNumberRequest(
            sending_number=wanted, update_mask=FieldMask(paths=paths)
        )
        _show([(await client.settings.UpdateSendingNumber(request)).sending_number], as_json)

    connection.run(work)


def _show(found: list[settings_pb2.SendingNumber], as_json: bool) -> None:
    if as_json:
        for each in found:
            print_json(each)
        return
    replies = {value: name for name, value in KEYWORD_REPLIES.items()}
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Number", no_wrap=True)
    table.add_column("Carriers")
    table.add_column("Segments/s", justify="right")
    table.add_column("Keyword replies")
    table.add_column("State")
    for each in found:
        state = Text("disabled", "yellow") if each.disabled else Text("enabled", "green")
        table.add_row(
            each.number,
            Text(carriers_in_words(each)),
            f"{each.segments_per_second:g}",
            replies.get(each.keyword_replies, ""),
            state.append(", default", "default") if each.is_default else state,
        )
    console.print(table)
