"""How price lists look in a terminal."""

from collections.abc import Iterable

from rich.table import Table

from outbound_sms.cli.output import ENCODINGS, local_time
from outbound_sms.domain.money_text import show_micros
from outboundsms.v1 import billing_pb2


def price_table(price_lists: Iterable[billing_pb2.PriceList]) -> Table:
    """A row for each price list, a column for each country and encoding."""
    listed = list(price_lists)
    columns = sorted(
        {(price.country, price.encoding) for each in listed for price in each.prices},
        key=lambda column: (column[0] != "US", *column),
    )
    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("Version", justify="right")
    table.add_column("From")
    for country, encoding in columns:
        name = ENCODINGS.get(encoding, f"encoding {encoding}")
        table.add_column(f"{country} {name}", justify="right")
    for each in listed:
        prices = {(price.country, price.encoding): price.price_micros for price in each.prices}
        shown = (
            show_micros(prices[column], each.currency) if column in prices else ""
            for column in columns
        )
        table.add_row(str(each.version), starts(each), *shown)
    return table


def starts(price_list: billing_pb2.PriceList) -> str:
    """From when it applies."""
    if not price_list.HasField("effective_time"):
        return "the beginning"
    return local_time(price_list.effective_time)
