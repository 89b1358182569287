"""`outbound-sms send`: preview, ask, create."""

import sys
import uuid
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
import grpc

from outbound_sms.cli.audience import (
    AudienceOptions,
    audience_of,
    audience_options,
)
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.names import ids_of, sending_number_ids, signature_ids
from outbound_sms.cli.output import console, print_json
from outbound_sms.cli.preview import show_preview
from outbound_sms.cli.preview_money import is_short, unpaid_texts
from outbound_sms.cli.progress import follow
from outbound_sms.cli.when import FORMS, parse_span, parse_when
from outboundsms import Client, OutboundSmsError
from outboundsms.v1 import mass_messages_pb2, settings_pb2

_EPILOG = """\b
Examples:
  outbound-sms send UNPLANNED_OUTAGE --start now --end +4h --network-site "North Ridge" --watch
  outbound-sms send PLANNED_OUTAGE --start 2026-12-01T22:00 --end 2026-12-02T02:00 \\
    --company Northwind --service Fiber --preview
"""


@click.command(epilog=_EPILOG)
@click.argument("saved_message")
@click.option("--start", help=f"Start of the outage: {FORMS}.")
@click.option("--end", help="End of the outage, in the same forms.")
@click.option("--signature", help="Signature, by name or id. [default: the instance's]")
@click.option("--sending-number", help="Sending number, E.164 or id. [default: the instance's]")
@click.option("--valid-for", help="How long texts may still go out, for example 4h. [default: 4h]")
@click.option(
    "--resend-unknown-outcome",
    is_flag=True,
    help="Rather text a person twice than not at all when a carrier's answer is lost.",
)
@click.option("--request-id", help="UUID of an earlier, interrupted call, to repeat it once only.")
@audience_options
@click.option("--preview", "preview_only", is_flag=True, help="Show what it would do, and stop.")
@click.option("--yes", is_flag=True, help="Send without asking.")
@click.option("--watch", is_flag=True, help="Then show its progress to the end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; asks nothing, so needs --yes.")
@connected
def send(
    connection: Connection,
    saved_message: str,
    start: str | None,
    end: str | None,
    signature: str | None,
    sending_number: str | None,
    valid_for: str | None,
    resend_unknown_outcome: bool,
    request_id: str | None,
    preview_only: bool,
    yes: bool,
    watch: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """Sends a mass message: shows whom it would reach and at what cost, asks, then sends.

    SAVED_MESSAGE is PLANNED_OUTAGE, UNPLANNED_OUTAGE or UNPLANNED_OUTAGE_NO_ETA. The filters say
    which accounts are meant: all kinds that are given must match, one value of each is enough.

    Where the money will not do, it says how much is short; --yes sends all the same, and the texts
    that cannot be paid are not sent until `outbound-sms messages requeue`.
    """
    audience = AudienceOptions(**filters)

    async def work(client: Client) -> None:
        spec = await _spec(client, saved_message, start, end, valid_for, audience)
        spec.resend_unknown_outcome = resend_unknown_outcome
        if signature:
            spec.signature_id = (await ids_of(client, "--signature", [signature], signature_ids))[0]
        if sending_number:
            found = await ids_of(client, "--sending-number", [sending_number], sending_number_ids)
            spec.sending_number_id = found[0]
        preview = await _preview(client, spec, as_json, preview_only)
        if preview_only:
            return
        _confirm(preview, yes)
        created = await _create(client, spec, request_id or str(uuid.uuid4()))
        if as_json:
            print_json(created)
        else:
            console.print(f"Accepted: mass message {created.mass_message_id}")
        if watch:
            await follow(client, created.mass_message_id, as_json=as_json)

    connection.run(work)


async def _spec(
    client: Client,
    saved_message: str,
    start: str | None,
    end: str | None,
    valid_for: str | None,
    audience: AudienceOptions,
) -> mass_messages_pb2.MassMessageSpec:
    spec = mass_messages_pb2.MassMessageSpec(
        saved_message=saved_message.upper().replace("-", "_"),
        audience=await audience_of(client, audience),
    )
    settings = await client.settings.GetSmsSettings(settings_pb2.GetSmsSettingsRequest())
    zone = ZoneInfo(settings.settings.time_zone)
    now = datetime.now(UTC).replace(microsecond=0)
    for option, text, field in (
        ("--start", start, spec.outage_start_time),
        ("--end", end, spec.outage_end_time),
    ):
        if text is not None:
            try:
                field.FromDatetime(parse_when(text, now, zone))
            except ValueError as error:
                raise click.UsageError(f"{option}: {error}") from error
    if valid_for is not None:
        try:
            spec.valid_for.FromTimedelta(parse_span(valid_for))
        except ValueError as error:
            raise click.UsageError(f"--valid-for: {error}") from error
    return spec


async def _preview(
    client: Client, spec: mass_messages_pb2.MassMessageSpec, as_json: bool, only: bool
) -> mass_messages_pb2.PreviewMassMessageResponse | None:
    """Shows what it would do; None with JSON, where the only line is what was created."""
    if as_json and not only:
        return None
    request = mass_messages_pb2.PreviewMassMessageRequest(spec=spec)
    preview = await client.mass_messages.PreviewMassMessage(request)
    if as_json:
        print_json(preview)
        return preview
    show_preview(preview)
    if preview.recipients == 0 and not only:
        raise click.ClickException("Nobody would be texted, so nothing was sent.")
    return preview


def _confirm(preview: mass_messages_pb2.PreviewMassMessageResponse | None, yes: bool) -> None:
    if yes:
        return
    if preview is None or not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here. Give --yes to send, --preview to look.")
    if is_short(preview):
        unpaid = unpaid_texts(preview)
        click.confirm(f"Send it anyway, about {unpaid:,} texts without money?", abort=True)
    else:
        click.confirm("Send it?", abort=True)


async def _create(
    client: Client, spec: mass_messages_pb2.MassMessageSpec, request_id: str
) -> mass_messages_pb2.MassMessage:
    request = mass_messages_pb2.CreateMassMessageRequest(spec=spec, request_id=request_id)
    try:
        return (await client.mass_messages.CreateMassMessage(request)).mass_message
    except OutboundSmsError as error:
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            times = "".join(
                f" --{name} {field.ToJsonString()}"
                for name, field in (
                    ("start", spec.outage_start_time),
                    ("end", spec.outage_end_time),
                )
                if field.seconds
            )
            raise click.ClickException(
                "The answer was lost, so it may or may not have been accepted. Repeat the command "
                f"with --request-id {request_id}{times}: then it is sent once at most."
            ) from error
        raise
