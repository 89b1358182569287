"""`outbound-sms billing watch`: the balance, as it changes."""

from datetime import datetime

import click
from rich.text import Text

from outbound_sms.cli.billing.words import (
    decline_in_words,
    is_finished,
    low_funds_in_words,
    top_up_in_words,
    unfunded_in_words,
)
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, print_json
from outbound_sms.cli.progress import say_interrupted
from outbound_sms.domain.money_text import show_micros
from outboundsms import Client
from outboundsms.v1 import billing_pb2


@click.command("watch", epilog="Example: outbound-sms billing watch")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each answer.")
@connected
def watch(connection: Connection, as_json: bool) -> None:
    """Shows the balance, then a line at each change, until Ctrl-C. Low funds are said loudly.

    Goes on by itself when the server restarts.
    """

    async def work(client: Client) -> None:
        last: billing_pb2.WatchBalanceResponse | None = None
        async for answer in client.watch_balance(on_interruption=say_interrupted):
            # After an interruption the same may be said again.
            if last is not None and _same(last, answer):
                continue
            last = answer
            if as_json:
                print_json(answer)
            else:
                for line in lines_of(answer, datetime.now().astimezone()):
                    console.print(line, soft_wrap=True)

    connection.run(work)


def lines_of(answer: billing_pb2.WatchBalanceResponse, now: datetime) -> list[Text]:
    """The amounts in a line, behind it what happened; low funds have a line of their own."""
    balance = answer.balance
    line = Text(f"{now:%H:%M:%S}  ", "dim")
    line.append(f"available {show_micros(balance.available_micros, balance.currency)}", "default")
    line.append(f"  held {show_micros(balance.held_micros, balance.currency)}")
    line.append(f"  spent {show_micros(balance.spent_micros, balance.currency)}")
    lines = [line]
    for event in answer.events:
        if event == billing_pb2.BALANCE_EVENT_LOW_FUNDS:
            lines.append(Text(low_funds_in_words(balance), "bold red"))
        elif event == billing_pb2.BALANCE_EVENT_TOP_UP_FAILED:
            lines.append(Text(_decline_in_words(answer.last_top_up), "red"))
        else:
            line.append(f"  {_event_in_words(event, answer)}", "yellow")
    return lines


def _event_in_words(event: int, answer: billing_pb2.WatchBalanceResponse) -> str:
    if event == billing_pb2.BALANCE_EVENT_FUNDS_RESTORED:
        return "funds are not low any more"
    if event == billing_pb2.BALANCE_EVENT_INSUFFICIENT_FUNDS:
        return f"not sent: {unfunded_in_words(answer.balance)}"
    if event == billing_pb2.BALANCE_EVENT_TOP_UP_OPENED:
        last = answer.last_top_up
        return "a top-up is open" if is_finished(last) else f"top-up: {top_up_in_words(last)}"
    if event == billing_pb2.BALANCE_EVENT_TOP_UP_SUCCEEDED:
        return "a top-up was paid"
    # A server newer than this command.
    return f"event {event}"


def _decline_in_words(last: billing_pb2.TopUp) -> str:
    if last.state == billing_pb2.TOP_UP_STATE_FAILED:
        return decline_in_words(last)
    # One was opened after the one that was declined.
    return "A top-up was declined; `outbound-sms billing top-ups` shows it."


def _same(
    before: billing_pb2.WatchBalanceResponse, after: billing_pb2.WatchBalanceResponse
) -> bool:
    return before.balance == after.balance and before.last_top_up == after.last_top_up
