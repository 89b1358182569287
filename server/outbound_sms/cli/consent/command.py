"""`outbound-sms consent`: who agreed to be texted, who does not, and what people wrote back."""

import click

from outbound_sms.cli.consent.export import export
from outbound_sms.cli.consent.replies import replies
from outbound_sms.cli.consent.suppressions import suppressions


@click.group()
def consent() -> None:
    """Shows who agreed to be texted and who took it back, with the proof of both."""


for _command in (export, suppressions, replies):
    consent.add_command(_command)
