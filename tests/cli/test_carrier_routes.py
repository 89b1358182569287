"""--route, and the carriers of a number in words."""

import click
import pytest
from click.testing import CliRunner

from outbound_sms.cli.carrier_routes import carriers_in_words, route_option
from outboundsms.v1.settings_pb2 import CarrierRoute, SendingNumber


@click.command()
@route_option
def show(routes: tuple[CarrierRoute, ...]) -> None:
    for route in routes:
        click.echo(f"{route.carrier}|{route.weight}|{route.sender}")


def test_a_route_is_a_name_with_a_weight_and_a_sender_if_it_has_them() -> None:
    given = ["main", "spare:0", "other:30:MG1", "last::MG2"]
    result = CliRunner().invoke(show, [part for each in given for part in ("--route", each)])
    assert result.output.splitlines() == ["main|100|", "spare|0|", "other|30|MG1", "last|100|MG2"]


@pytest.mark.parametrize("given", ["", ":70", "main:x", "main:-1", "main:1.5", "main:1000"])
def test_what_is_no_route_is_refused_and_says_the_form(given: str) -> None:
    result = CliRunner().invoke(show, ["--route", given])
    assert result.exit_code == 2 and "NAME[:WEIGHT[:SENDER]]" in result.output


def test_carriers_are_shown_with_their_shares() -> None:
    routes = [
        CarrierRoute(carrier="main", weight=60),
        CarrierRoute(carrier="spare", weight=20, sender="MG1"),
        CarrierRoute(carrier="last"),
    ]
    number = SendingNumber(carrier="main", routes=routes)
    assert carriers_in_words(number) == "main 75 %\nspare 25 % as MG1\nlast standby"
    assert carriers_in_words(SendingNumber(carrier="main")) == "main"
