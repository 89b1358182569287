"""Amounts of money as options and arguments: decimal units of the currency, read exactly."""

import click
from click.types import FuncParamType

from outbound_sms.domain.money_text import parse_micros
from outbound_sms.domain.top_up import check_top_up_amount


def amount(text: str) -> int:
    """Micros of an amount such as `50.00` or `0.0075`. Raises BadParameter."""
    try:
        return parse_micros(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} {error}.") from error


def charge(text: str) -> int:
    """Micros of an amount that can be charged: from a cent to a million, in whole cents. Raises
    BadParameter."""
    micros = amount(text)
    if check_top_up_amount(micros) is not None:
        raise click.BadParameter(
            f"{text!r} cannot be charged; give 0.01 to 1000000, in whole cents."
        )
    return micros


AMOUNT = FuncParamType(amount)
"""As the `type=` of an option or argument."""
CHARGE = FuncParamType(charge)
"""The same, for what is to be charged."""
