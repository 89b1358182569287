"""`outbound-sms admin instances`: the tenants, for the platform operator."""

import click
from google.protobuf.field_mask_pb2 import FieldMask
from rich.table import Table
from rich.text import Text

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.names import LARGEST_PAGE, pages
from outbound_sms.cli.output import console, facts, local_time, print_json, print_whole
from outboundsms import Client
from outboundsms.v1 import instances_pb2, language_pb2

DATA_CENTERS = {"us": instances_pb2.DATA_CENTER_US, "canada": instances_pb2.DATA_CENTER_CANADA}
LANGUAGES = {"en": language_pb2.LANGUAGE_EN, "fr": language_pb2.LANGUAGE_FR}


@click.group()
def instances() -> None:
    """Manages tenants. Needs a key of the platform operator: see create-operator-key."""


@instances.command(
    "create",
    epilog="""\b
Examples:
  outbound-sms admin instances create Northwind --country US --time-zone America/New_York
  outbound-sms admin instances create "Fibre Boréale" --country CA --time-zone America/Toronto \\
    --language fr
""",
)
@click.argument("name")
@click.option("--country", required=True, help="ISO 3166, for example US.")
@click.option("--time-zone", required=True, help="IANA name, for example America/Toronto.")
@click.option("--data-center", type=click.Choice(list(DATA_CENTERS)), help="[default: us]")
@click.option("--currency", default="", help="ISO 4217. [default: USD, or CAD in Canada]")
@click.option("--language", type=click.Choice(list(LANGUAGES)), help="[default: en]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def create_instance(
    connection: Connection,
    name: str,
    country: str,
    time_zone: str,
    data_center: str | None,
    currency: str,
    language: str | None,
    as_json: bool,
) -> None:
    """Creates a tenant. `create-key` then makes its first API key."""
    instance = instances_pb2.Instance(
        name=name,
        country=country.upper(),
        currency=currency.upper(),
        time_zone=time_zone,
        data_center=DATA_CENTERS.get(data_center or "", instances_pb2.DATA_CENTER_UNSPECIFIED),
        default_language=LANGUAGES.get(language or "", language_pb2.LANGUAGE_UNSPECIFIED),
    )

    async def work(client: Client) -> None:
        request = instances_pb2.CreateInstanceRequest(instance=instance)
        _show((await client.instances.CreateInstance(request)).instance, as_json)

    connection.run(work)


@instances.command("list", epilog="Example: outbound-sms admin instances list --json")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each instance.")
@connected
def list_instances(connection: Connection, as_json: bool) -> None:
    """Lists tenants, oldest first."""

    async def work(client: Client) -> None:
        table = Table(box=None, header_style="dim", pad_edge=False)
        for column in ("Instance", "Name", "Country", "Data center", "Currency", "Sending"):
            table.add_column(column, no_wrap=column == "Instance")
        request = instances_pb2.ListInstancesRequest(page_size=LARGEST_PAGE)
        async for page in pages(client.instances.ListInstances, request):
            for each in page.instances:
                if as_json:
                    print_json(each)
                    continue
                table.add_row(
                    each.instance_id,
                    Text(each.name),
                    each.country,
                    _data_center_of(each),
                    each.currency,
                    _sending_of(each),
                )
        if not as_json:
            console.print(table if table.row_count else "There are none.")

    connection.run(work)


@instances.command("show", epilog="Example: outbound-sms admin instances show INSTANCE_ID")
@click.argument("instance_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def show_instance(connection: Connection, instance_id: str, as_json: bool) -> None:
    """Shows one tenant."""

    async def work(client: Client) -> None:
        request = instances_pb2.GetInstanceRequest(instance_id=instance_id)
        _show((await client.instances.GetInstance(request)).instance, as_json)

    connection.run(work)


@instances.command(
    "update", epilog="Example: outbound-sms admin instances update INSTANCE_ID --data-center us"
)
@click.argument("instance_id")
@click.option("--name", help="New name.")
@click.option("--country", help="ISO 3166, for example US.")
@click.option("--data-center", type=click.Choice(list(DATA_CENTERS)))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def update_instance(
    connection: Connection,
    instance_id: str,
    name: str | None,
    country: str | None,
    data_center: str | None,
    as_json: bool,
) -> None:
    """Changes what is given of a tenant. Moving it to where texts cannot be sent from is refused
    while its administrators have sending switched on.
    """
    instance, mask = instances_pb2.Instance(instance_id=instance_id), FieldMask()
    if name is not None:
        instance.name = name
        mask.paths.append("name")
    if country is not None:
        instance.country = country.upper()
        mask.paths.append("country")
    if data_center is not None:
        instance.data_center = DATA_CENTERS[data_center]
        mask.paths.append("data_center")
    if not mask.paths:
        raise click.UsageError("Say what to change: --name, --country or --data-center.")

    async def work(client: Client) -> None:
        request = instances_pb2.UpdateInstanceRequest(instance=instance, update_mask=mask)
        _show((await client.instances.UpdateInstance(request)).instance, as_json)

    connection.run(work)


@instances.command(
    "create-key", epilog="Example: outbound-sms admin instances create-key INSTANCE_ID --name alice"
)
@click.argument("instance_id")
@click.option("--name", default="First key", show_default=True, help="Shown as who did something.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def create_key(connection: Connection, instance_id: str, name: str, as_json: bool) -> None:
    """Makes a super-admin's API key of a tenant and shows it, once."""

    async def work(client: Client) -> None:
        request = instances_pb2.CreateInstanceApiKeyRequest(instance_id=instance_id, name=name)
        answer = await client.instances.CreateInstanceApiKey(request)
        if as_json:
            print_json(answer)
        else:
            print_whole((("API key", answer.api_key_id), ("Secret, shown once", answer.secret)))

    connection.run(work)


def _data_center_of(instance: instances_pb2.Instance) -> str:
    names = {value: name for name, value in DATA_CENTERS.items()}
    return names.get(instance.data_center, str(instance.data_center))


def _sending_of(instance: instances_pb2.Instance) -> str:
    if not instance.sms_available:
        return "not available"
    return "on" if instance.sms_enabled else "off"


def _show(instance: instances_pb2.Instance, as_json: bool) -> None:
    if as_json:
        print_json(instance)
        return
    shown = (
        ("Instance", instance.instance_id),
        ("Name", instance.name),
        ("Country", instance.country),
        ("Data center", _data_center_of(instance)),
        ("Currency", instance.currency),
        ("Time zone", instance.time_zone),
        ("Sending", _sending_of(instance)),
        ("Created", local_time(instance.create_time)),
    )
    console.print(facts(shown))
