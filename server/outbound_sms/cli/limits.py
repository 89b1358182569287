"""`outbound-sms limits`: the limits against fraud of the instance."""

import click

from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.limits_show import show_limits
from outbound_sms.cli.output import console, print_json
from outboundsms import Client
from outboundsms.v1 import settings_pb2


class _ShowsByDefault(click.Group):
    """Without the name of a command it is `show`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the name where it is left out."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(
    "limits",
    cls=_ShowsByDefault,
    epilog="""\b
Examples:
  outbound-sms limits
  outbound-sms limits resume-triggered
""",
)
def limits() -> None:
    """Shows the limits against fraud, and how much of them is used up.

    The platform operator sets them: see `outbound-sms admin limits`.
    """


@limits.command("show", epilog="Example: outbound-sms limits show --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def show(connection: Connection, as_json: bool) -> None:
    """Shows them, as `outbound-sms limits` does too."""
    connection.run(lambda client: _show(client, as_json))


@limits.command("resume-triggered", epilog="Example: outbound-sms limits resume-triggered")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def resume_triggered(connection: Connection, as_json: bool) -> None:
    """Lets triggered messages go out again that a surge had paused.

    Look first at what made so many of them. Until the hour is over they are not paused again.
    """

    async def work(client: Client) -> None:
        request = settings_pb2.ResumeTriggeredMessagesRequest()
        answer = await client.settings.ResumeTriggeredMessages(request)
        if as_json:
            print_json(answer)
            return
        console.print("Triggered messages go out.", soft_wrap=True)

    connection.run(work)


async def _show(client: Client, as_json: bool) -> None:
    found = await client.settings.GetSendingLimits(settings_pb2.GetSendingLimitsRequest())
    if as_json:
        print_json(found)
        return
    settings = await client.settings.GetSmsSettings(settings_pb2.GetSmsSettingsRequest())
    show_limits(found.limits, found.usage, settings.settings.currency)
