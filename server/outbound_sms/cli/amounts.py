"""Amounts of money as options and arguments: decimal units of the currency, read exactly."""

import click
from click.types import FuncParamType

from outbound_sms.domain.money_text import parse_micros


def amount(text: str) -> int:
    """Micros of an amount such as `50.00` or `0.0075`. Raises BadParameter."""
    try:
        return parse_micros(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}.") from error


AMOUNT = FuncParamType(amount)
"""As the `type=` of an option or argument."""
