"""`outbound-sms admin limits`: how much a tenant may send, against fraud."""

import click
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.cli.amounts import AMOUNT
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.limits_show import show_limits
from outbound_sms.cli.output import print_json
from outboundsms import Client
from outboundsms.v1 import instances_pb2, sending_limits_pb2


@click.command(
    "limits",
    epilog="""\b
Examples:
  outbound-sms admin limits INSTANCE_ID
  outbound-sms admin limits INSTANCE_ID --messages-per-minute 600 --spend-per-day 250.00
  outbound-sms admin limits INSTANCE_ID --surge-multiple 0
""",
)
@click.argument("instance_id")
@click.option("--messages-per-minute", type=int, help="Handed to carriers in a minute.")
@click.option("--messages-per-day", type=int, help="Handed to carriers in a day.")
@click.option(
    "--spend-per-day", "spend_per_day_micros", type=AMOUNT, help="Their price, for example 250.00."
)
@click.option("--messages-per-number", "messages_per_number_per_day", type=int, help="In 24 hours.")
@click.option(
    "--messages-per-prefix",
    "messages_per_prefix_per_hour",
    type=int,
    help="In an hour, to numbers that differ in their last four digits only.",
)
@click.option(
    "--surge-multiple",
    type=int,
    help="Triggered messages pause above so many times the busiest hour of the week before.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def limits(connection: Connection, instance_id: str, as_json: bool, **options: int | None) -> None:
    """Sets the limits of a tenant that are given, 0 for none, and shows them all.

    Without options it only shows them. What is over a limit waits; it acts within seconds. Needs a
    key of the platform operator: see create-operator-key.
    """
    change = {name: value for name, value in options.items() if value is not None}

    async def work(client: Client) -> None:
        if change:
            await _update(client, instance_id, change)
        request = instances_pb2.GetInstanceSendingLimitsRequest(instance_id=instance_id)
        found = await client.instances.GetInstanceSendingLimits(request)
        if as_json:
            print_json(found)
            return
        wanted = instances_pb2.GetInstanceRequest(instance_id=instance_id)
        instance = (await client.instances.GetInstance(wanted)).instance
        show_limits(found.limits, found.usage, instance.currency)

    connection.run(work)


async def _update(client: Client, instance_id: str, change: dict[str, int]) -> None:
    wanted = sending_limits_pb2.SendingLimits()
    for name, value in change.items():
        # More than the field can hold is refused here; the rest is for the server to say.
        try:
            setattr(wanted, name, value)
        except ValueError as error:
            raise click.UsageError(f"{name.replace('_', ' ')}: {value} is too large.") from error
    await client.instances.UpdateSendingLimits(
        instances_pb2.UpdateSendingLimitsRequest(
            instance_id=instance_id, limits=wanted, update_mask=FieldMask(paths=list(change))
        )
    )
