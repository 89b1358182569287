"""`outbound-sms admin prices`: what segments cost, for the platform operator."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

import click

from outbound_sms.cli.amounts import AMOUNT
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.names import LARGEST_PAGE, pages
from outbound_sms.cli.output import console, print_json
from outbound_sms.cli.price_show import price_table
from outbound_sms.cli.when import parse_when
from outboundsms import Client
from outboundsms.v1 import billing_pb2, body_pb2, price_lists_pb2

_GSM7, _UCS2 = body_pb2.ENCODING_GSM7, body_pb2.ENCODING_UCS2


@click.group()
def prices() -> None:
    """Sets what segments cost. Needs a key of the platform operator: see create-operator-key."""


@prices.command("list", epilog="Example: outbound-sms admin prices list --currency USD")
@click.option("--currency", default="", help="Of this currency, ISO 4217.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each price list.")
@connected
def list_prices(connection: Connection, currency: str, as_json: bool) -> None:
    """Lists price lists by currency, newest version first."""

    async def work(client: Client) -> None:
        request = price_lists_pb2.ListPriceListsRequest(
            page_size=LARGEST_PAGE, currency=currency.upper()
        )
        found = [
            each
            async for page in pages(client.price_lists.ListPriceLists, request)
            for each in page.price_lists
        ]
        if as_json:
            for each in found:
                print_json(each)
        elif found:
            found.sort(key=lambda each: each.currency)
            for _, listed in groupby(found, key=lambda each: each.currency):
                console.print(price_table(listed))
        else:
            console.print("There are none. `outbound-sms admin prices create --help` shows how.")

    connection.run(work)


@prices.command(
    "create",
    epilog="""\b
Examples:
  outbound-sms admin prices create --currency USD --us-gsm7 0.0075 --us-ucs2 0.0075 \\
    --ca-gsm7 0.0085 --ca-ucs2 0.0085
  outbound-sms admin prices create --currency USD --us-gsm7 0.008 --us-ucs2 0.008 \\
    --ca-gsm7 0.009 --ca-ucs2 0.009 --from 2027-01-01T00:00-05:00
""",
)
@click.option("--currency", required=True, help="ISO 4217, for example USD.")
@click.option("--us-gsm7", type=AMOUNT, required=True, help="A GSM-7 segment to the US.")
@click.option("--us-ucs2", type=AMOUNT, required=True, help="A UCS-2 segment to the US.")
@click.option("--ca-gsm7", type=AMOUNT, required=True, help="A GSM-7 segment to Canada.")
@click.option("--ca-ucs2", type=AMOUNT, required=True, help="A UCS-2 segment to Canada.")
@click.option("--from", "start", help="From when, UTC without an offset.  [default: now]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def create_prices(
    connection: Connection,
    currency: str,
    us_gsm7: int,
    us_ucs2: int,
    ca_gsm7: int,
    ca_ucs2: int,
    start: str | None,
    as_json: bool,
) -> None:
    """Creates a price list, in units of the currency with at most 6 decimals.

    It replaces the one before from its time on. Texts that have been accepted keep their price.
    """
    price_list = billing_pb2.PriceList(
        currency=currency.upper(),
        prices=_prices(
            {
                ("US", _GSM7): us_gsm7,
                ("US", _UCS2): us_ucs2,
                ("CA", _GSM7): ca_gsm7,
                ("CA", _UCS2): ca_ucs2,
            }
        ),
    )
    if start is not None:
        price_list.effective_time.FromDatetime(_read_time(start))

    async def work(client: Client) -> None:
        request = price_lists_pb2.CreatePriceListRequest(price_list=price_list)
        made = (await client.price_lists.CreatePriceList(request)).price_list
        if as_json:
            print_json(made)
        else:
            console.print(price_table([made]))

    connection.run(work)


def _prices(
    given: Mapping[tuple[str, body_pb2.Encoding.ValueType], int],
) -> list[billing_pb2.SegmentPrice]:
    return [
        billing_pb2.SegmentPrice(country=country, encoding=encoding, price_micros=micros)
        for (country, encoding), micros in given.items()
    ]


def _read_time(text: str) -> datetime:
    """The operator has many tenants and so no time zone of theirs: UTC without an offset."""
    try:
        return parse_when(text, datetime.now(UTC), ZoneInfo("UTC"))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--from") from error
