"""`outbound-sms billing`: the prepaid money of the instance."""

import click

from outbound_sms.cli.billing.add_funds import add_funds
from outbound_sms.cli.billing.auto_buy import auto_buy
from outbound_sms.cli.billing.balance import balance
from outbound_sms.cli.billing.ledger import ledger
from outbound_sms.cli.billing.prices import prices
from outbound_sms.cli.billing.statement import statement
from outbound_sms.cli.billing.top_ups import top_ups
from outbound_sms.cli.billing.watch import watch


@click.group()
def billing() -> None:
    """Shows and adds the money that texts are paid with.

    The price of a text is set aside when it is about to be sent, paid when a carrier takes it, and
    given back when it is not sent.
    """


for _command in (balance, watch, add_funds, top_ups, auto_buy, ledger, statement, prices):
    billing.add_command(_command)
