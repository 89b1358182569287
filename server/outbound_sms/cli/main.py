"""`outbound-sms`: the program, put together from its commands."""

import sys
from importlib import import_module

import click

from outbound_sms.cli.parent import stop_when_parent_ends

COMMANDS = {
    "demo": "outbound_sms.cli.demo.command:demo",
    "run": "outbound_sms.cli.run:run",
    "serve": "outbound_sms.cli.serve:serve",
    "migrate": "outbound_sms.cli.migrate:migrate",
    "import": "outbound_sms.cli.import_file:import_file",
    "send": "outbound_sms.cli.send:send",
    "watch": "outbound_sms.cli.watch:watch",
    "messages": "outbound_sms.cli.messages:messages",
    "trigger": "outbound_sms.cli.trigger:trigger",
    "consent": "outbound_sms.cli.consent.command:consent",
    "billing": "outbound_sms.cli.billing.command:billing",
    "quiet-hours": "outbound_sms.cli.quiet_hours:quiet_hours",
    "settings": "outbound_sms.cli.settings:settings",
    "limits": "outbound_sms.cli.limits:limits",
    "admin": "outbound_sms.cli.admin.command:admin",
    "sandbox": "outbound_sms.carriers.sandbox.__main__:main",
    "payments-sandbox": "outbound_sms.payments.sandbox.__main__:main",
}


class Program(click.Group):
    """Imports a command when it is called: a client command needs nothing of the server."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="outbound-sms")
def program() -> None:
    """Tells the subscribers of an internet provider or utility about outages and bills, by SMS.

    To see it work: `outbound-sms demo`. For a server on this machine: `outbound-sms run`.
    """
    stop_when_parent_ends()


def main() -> None:
    """Runs the command of the command line. Ctrl-C ends with 130 and without a stack trace."""
    try:
        ended = program.main(prog_name="outbound-sms", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("Aborted.\n")
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain about it at the exit.
        sys.stderr.close()
        sys.exit(141)
    # Without standalone mode, an early end is a return value.
    sys.exit(ended if isinstance(ended, int) else 0)


if __name__ == "__main__":
    main()
