"""`outbound-sms billing balance`: what there is, and how it is topped up."""

from collections.abc import Iterator

import click
from rich.text import Text

from outbound_sms.cli.billing.words import (
    OBSTACLES,
    low_funds_in_words,
    top_up_in_words,
    unfunded_in_words,
)
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, facts, local_time, print_json
from outbound_sms.domain.money_text import show_micros
from outboundsms import Client
from outboundsms.v1 import billing_pb2


@click.command("balance", epilog="Example: outbound-sms billing balance")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def balance(connection: Connection, as_json: bool) -> None:
    """Shows the balance: what can be spent, what is set aside, what was paid, and what waits."""

    async def work(client: Client) -> None:
        if not as_json:
            await show_balance(client)
            return
        print_json(await client.billing.GetBalance(billing_pb2.GetBalanceRequest()))

    connection.run(work)


async def show_balance(client: Client) -> None:
    """Prints the balance and how it is topped up, low funds first."""
    answer = await client.billing.GetBalance(billing_pb2.GetBalanceRequest())
    if answer.balance.low_funds:
        console.print(Text(low_funds_in_words(answer.balance), "bold red"), soft_wrap=True)
    console.print(facts(_facts(answer)), soft_wrap=True)


def auto_buy_in_words(auto_buy: billing_pb2.AutoBuy, currency: str) -> str:
    """Whether it tops up by itself, when, by how much, and what is in the way."""
    if not auto_buy.enabled:
        return "off"
    amount = show_micros(auto_buy.amount_micros, currency)
    threshold = show_micros(auto_buy.threshold_micros, currency)
    said = f"on: {amount} when less than {threshold} is left"
    obstacle = OBSTACLES.get(auto_buy.obstacle)
    return f"{said}. Nothing is bought now: {obstacle}" if obstacle else said


def _facts(answer: billing_pb2.GetBalanceResponse) -> Iterator[tuple[str, str]]:
    found, currency = answer.balance, answer.balance.currency
    yield "Available", show_micros(found.available_micros, currency)
    yield "Held", f"{show_micros(found.held_micros, currency)} for texts on their way"
    yield "Spent", show_micros(found.spent_micros, currency)
    if found.low_funds_threshold_micros:
        yield "Low funds", f"below {show_micros(found.low_funds_threshold_micros, currency)}"
    yield "Not sent", unfunded_in_words(found)
    if found.HasField("waits_until"):
        until = local_time(found.waits_until)
        yield "Waiting", f"texts wait for the automatic top-up, until {until} at the latest"
    yield "Auto-buy", auto_buy_in_words(answer.auto_buy, currency)
    if answer.HasField("last_top_up"):
        yield "Last top-up", top_up_in_words(answer.last_top_up)
