"""The demonstration, step by step: from a CSV of subscribers to Delivered, and to an invoice."""

import uuid
from datetime import UTC, datetime, timedelta

from outbound_sms.cli.demo.example import Example, set_up
from outbound_sms.cli.demo.handset import Handset
from outbound_sms.cli.demo.money import fund_most, send_the_rest
from outbound_sms.cli.demo.outcome import (
    Outcome,
    read_outcome,
    receipts,
    show_outcome,
)
from outbound_sms.cli.demo.pace import default_sending_number, paced
from outbound_sms.cli.demo.step import DemoFailed, title
from outbound_sms.cli.demo.stop import Stop
from outbound_sms.cli.demo.subscriber import find_subscriber
from outbound_sms.cli.demo.triggered import tell_triggered
from outbound_sms.cli.import_file import import_with_progress
from outbound_sms.cli.names import network_site_ids, triggered_message_ids
from outbound_sms.cli.output import plain_line
from outbound_sms.cli.preview import show_preview
from outbound_sms.cli.progress import ProgressView
from outboundsms import Client
from outboundsms.v1 import mass_messages_pb2, settings_pb2, triggers_pb2

OUTAGE = timedelta(hours=4)


async def tell(client: Client, example: Example, site: str, handset: Handset) -> Outcome:
    """Sets up, imports, sends a mass message, in the middle of which somebody replies STOP, and
    fires a trigger.

    Returns what became of the texts of the mass message. Raises DemoFailed when the example does
    not fit, and OutboundSmsError for what the server refuses.
    """
    title("Set up the example ISP")
    await set_up(client, example)
    title(f"Import {example.subscribers.name}")
    await _import(client, example)
    spec = await _spec(client, site)
    number = await default_sending_number(client)
    stop = Stop(client, handset, number.number, spec)
    mass_message_id = await _send(client, site, spec, number, stop)
    title("Outcome")
    outcome = await read_outcome(client, mass_message_id)
    show_outcome(outcome)
    await stop.show(mass_message_id)
    await _fire(client, example, mass_message_id)
    return outcome


async def _send(
    client: Client,
    site: str,
    spec: mass_messages_pb2.MassMessageSpec,
    number: settings_pb2.SendingNumber,
    stop: Stop,
) -> str:
    """Previews, adds nearly enough funds and sends, then the rest; returns the id of the mass
    message when its texts have come to an end."""
    title(f"Preview an unplanned outage of {site}")
    preview = await client.mass_messages.PreviewMassMessage(
        mass_messages_pb2.PreviewMassMessageRequest(spec=spec)
    )
    show_preview(preview)
    if preview.recipients == 0:
        raise DemoFailed(f"Nobody behind {site} can be texted, so there is nothing to show.")
    await fund_most(client, preview)
    title(f"Send it to {preview.recipients:,} recipients")
    async with paced(client, number, preview.carrier_segments):
        created = await client.mass_messages.CreateMassMessage(
            mass_messages_pb2.CreateMassMessageRequest(spec=spec, request_id=str(uuid.uuid4()))
        )
        mass_message_id = created.mass_message.mass_message_id
        async with stop.amid(mass_message_id):
            await _watch(client, mass_message_id)
    if await send_the_rest(client, mass_message_id):
        await _watch(client, mass_message_id)
    return mass_message_id


async def _watch(client: Client, mass_message_id: str) -> None:
    with ProgressView() as view:
        async for message in client.watch_mass_message(
            mass_message_id, on_interruption=view.interrupted
        ):
            view.update(message)
        async for message in receipts(client, mass_message_id):
            view.update(message)


async def _fire(client: Client, example: Example, mass_message_id: str) -> None:
    """Shows the example's first triggered message, where it has one and somebody to text."""
    name = example.triggered_message
    account = await find_subscriber(client, mass_message_id)
    if name is None or account is None:
        plain_line("No trigger is fired: no triggered message, or nobody to whom a text got.")
        return
    request = triggers_pb2.GetTriggeredMessageRequest(
        triggered_message_id=(await triggered_message_ids(client))[name]
    )
    answer = await client.triggers.GetTriggeredMessage(request)
    await tell_triggered(client, answer.triggered_message, account)


async def _import(client: Client, example: Example) -> None:
    result = await import_with_progress(client, example.subscribers, quiet=False)
    if result.accepted == 0:
        raise DemoFailed(f"No row of {example.subscribers} went in.")
    new = result.accounts_created + result.contacts_created + result.phone_numbers_created
    changed = result.accounts_changed + result.contacts_changed + result.phone_numbers_changed
    plain_line(
        f"{result.accepted:,} rows accepted: {new:,} things created, {changed:,} changed; "
        f"{len(result.refused)} rows refused, for example"
    )
    for row in result.refused[:3]:
        plain_line(f"  line {row.line}, {row.column}: {row.reason}")


async def _spec(client: Client, site: str) -> mass_messages_pb2.MassMessageSpec:
    sites = await network_site_ids(client)
    if site not in sites:
        raise DemoFailed(f"There is no network site {site!r}. There are: {', '.join(sites)}.")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    spec = mass_messages_pb2.MassMessageSpec(
        saved_message="UNPLANNED_OUTAGE",
        audience=mass_messages_pb2.Audience(network_site_ids=[sites[site]]),
    )
    spec.outage_start_time.FromDatetime(now)
    spec.outage_end_time.FromDatetime(now + OUTAGE)
    return spec
