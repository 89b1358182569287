"""`outbound-sms trigger`: texts about what happens to accounts."""

import click

from outbound_sms.cli import triggered_messages as messages
from outbound_sms.cli.trigger_fire import fire
from outbound_sms.cli.trigger_types import types


@click.group()
def trigger() -> None:
    """Texts subscribers about what happens to their accounts."""


for _command in (
    types,
    messages.create,
    messages.list_triggered,
    messages.show,
    messages.update,
    messages.delete,
    fire,
):
    trigger.add_command(_command)
