"""`outbound-sms settings`: how an instance sends."""

from collections.abc import Mapping

import click
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.cli.amounts import AMOUNT
from outbound_sms.cli.audience import LANGUAGES
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, facts, print_json
from outbound_sms.cli.quiet_hours_words import hours_in_words
from outbound_sms.cli.sending_numbers import numbers
from outbound_sms.domain.money_text import show_micros
from outboundsms import Client
from outboundsms.v1 import settings_pb2

BILLING_RULES: Mapping[str, settings_pb2.BillingRule.ValueType] = {
    "product": settings_pb2.BILLING_RULE_PRODUCT,
    "carrier": settings_pb2.BILLING_RULE_CARRIER,
}


@click.group()
def settings() -> None:
    """Shows and changes how the instance sends."""


settings.add_command(numbers)


@settings.command("show", epilog="Example: outbound-sms settings show")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def show(connection: Connection, as_json: bool) -> None:
    """Shows the SMS settings."""

    async def work(client: Client) -> None:
        request = settings_pb2.GetSmsSettingsRequest()
        _show((await client.settings.GetSmsSettings(request)).settings, as_json)

    connection.run(work)


@settings.command("enable", epilog="Example: outbound-sms settings enable")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def enable(connection: Connection, as_json: bool) -> None:
    """Switches sending on: what was held goes out."""
    wanted = settings_pb2.SmsSettings(enabled=True)
    connection.run(lambda client: _update(client, wanted, ["enabled"], as_json))


@settings.command("disable", epilog="Example: outbound-sms settings disable")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def disable(connection: Connection, as_json: bool) -> None:
    """Switches sending off: nothing new is accepted, and what is pending is held."""
    wanted = settings_pb2.SmsSettings(enabled=False)
    connection.run(lambda client: _update(client, wanted, ["enabled"], as_json))


@settings.command(
    "set",
    epilog="""\b
Examples:
  outbound-sms settings set --time-zone America/Toronto --language fr
  outbound-sms settings set --low-funds-threshold 20
""",
)
@click.option("--time-zone", help="IANA name, in which texts state times and quiet hours are kept.")
@click.option("--billing-rule", type=click.Choice(list(BILLING_RULES)), help="Bills segments so.")
@click.option("--language", type=click.Choice(list(LANGUAGES)), help="Where nothing else decides.")
@click.option(
    "--low-funds-threshold", type=AMOUNT, help="Warns when less can be spent; 0 for never."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def set_settings(
    connection: Connection,
    time_zone: str | None,
    billing_rule: str | None,
    language: str | None,
    low_funds_threshold: int | None,
    as_json: bool,
) -> None:
    """Changes what is given; the rest stays. `outbound-sms quiet-hours` sets the quiet hours."""
    wanted, paths = settings_pb2.SmsSettings(), []
    if time_zone is not None:
        wanted.time_zone = time_zone
        paths.append("time_zone")
    if billing_rule is not None:
        wanted.billing_rule = BILLING_RULES[billing_rule]
        paths.append("billing_rule")
    if language is not None:
        wanted.default_language = LANGUAGES[language]
        paths.append("default_language")
    if low_funds_threshold is not None:
        wanted.low_funds_threshold_micros = low_funds_threshold
        paths.append("low_funds_threshold_micros")
    if not paths:
        raise click.UsageError("Nothing to change. Give --time-zone, --language or another option.")
    connection.run(lambda client: _update(client, wanted, paths, as_json))


async def _update(
    client: Client, wanted: settings_pb2.SmsSettings, paths: list[str], as_json: bool
) -> None:
    request = settings_pb2.UpdateSmsSettingsRequest(
        settings=wanted, update_mask=FieldMask(paths=paths)
    )
    _show((await client.settings.UpdateSmsSettings(request)).settings, as_json)


def _show(found: settings_pb2.SmsSettings, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rules = {value: name for name, value in BILLING_RULES.items()}
    languages = {value: name for name, value in LANGUAGES.items()}
    console.print(
        facts(
            (
                ("Instance", found.instance_name),
                ("Sending", _sending(found)),
                ("Time zone", found.time_zone),
                ("Quiet hours", hours_in_words(found.quiet_hours)),
                ("Billing rule", rules.get(found.billing_rule, "")),
                ("Language", languages.get(found.default_language, "")),
                ("Price", f"{show_micros(found.segment_price_micros, found.currency)} a segment"),
                ("Low funds", _low_funds(found)),
            )
        ),
        soft_wrap=True,
    )


def _low_funds(found: settings_pb2.SmsSettings) -> str:
    if not found.low_funds_threshold_micros:
        return "no warning"
    return f"warns below {show_micros(found.low_funds_threshold_micros, found.currency)}"


def _sending(found: settings_pb2.SmsSettings) -> str:
    if found.enabled:
        return "on"
    if found.sms_available:
        return "off; `outbound-sms settings enable` switches it on"
    return "off; it is for the US and Canada, and not for the Canadian data center"
