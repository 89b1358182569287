"""--route, and the carriers of a sending number in words."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from outboundsms.v1 import settings_pb2

_F = TypeVar("_F", bound=Callable[..., Any])
_HELP = (
    "A carrier that shares its texts, NAME[:WEIGHT[:SENDER]]; give it for each. Weight: 0 to 100, "
    "without it 100; 0: only while no other works. Sender: what it is told instead of the number."
)


class _Route(click.ParamType[settings_pb2.CarrierRoute]):
    name = "route"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> settings_pb2.CarrierRoute:
        carrier, _, rest = str(value).partition(":")
        weight, _, sender = rest.partition(":")
        if not carrier or (weight and not weight.isdecimal()) or len(weight) > len("100"):
            self.fail(f"{value!r} is not NAME[:WEIGHT[:SENDER]], such as main:70", param, ctx)
        return settings_pb2.CarrierRoute(
            carrier=carrier, weight=int(weight) if weight else 100, sender=sender
        )


def route_option(command: _F) -> _F:
    """Adds --route, which may be given several times, as the argument `routes`."""
    return click.option(
        "--route", "routes", type=_Route(), multiple=True, metavar="ROUTE", help=_HELP
    )(command)


def carriers_in_words(number: settings_pb2.SendingNumber) -> str:
    """The carriers of a number, each with its share of the texts, on a line of its own."""
    if not number.routes:
        return number.carrier
    total = sum(route.weight for route in number.routes)
    return "\n".join(_in_words(route, total) for route in number.routes)


def _in_words(route: settings_pb2.CarrierRoute, total: int) -> str:
    share = f"{100 * route.weight / total:.0f} %" if route.weight else "standby"
    return f"{route.carrier} {share}{f' as {route.sender}' if route.sender else ''}"
