"""`outbound-sms billing add-funds`: charges the payment method, and waits for the money."""

import asyncio
import contextlib
import uuid
from collections.abc import Iterator

import click
import grpc

from outbound_sms.cli.admin.asking import confirm
from outbound_sms.cli.amounts import CHARGE
from outbound_sms.cli.billing.words import AUTO_BUY, decline_in_words, is_finished
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, errors, print_json
from outbound_sms.cli.progress import say_interrupted
from outbound_sms.domain.money_text import plain_micros, show_micros
from outboundsms import Client, OutboundSmsError
from outboundsms.v1 import billing_pb2

SECONDS_BETWEEN_LOOKS = 0.5

_LOST = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


@click.command(
    "add-funds",
    epilog="""\b
Examples:
  outbound-sms billing add-funds 50.00
  outbound-sms billing add-funds 50.00 --yes --no-wait --json
""",
)
@click.argument("amount", type=CHARGE)
@click.option("--no-wait", is_flag=True, help="End when it is recorded, before it is paid.")
@click.option("--request-id", help="UUID of an earlier, interrupted call, to charge once only.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; asks nothing, so needs --yes.")
@connected
def add_funds(
    connection: Connection,
    amount: int,
    no_wait: bool,
    request_id: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Charges AMOUNT, such as 50.00, to the payment method, and waits until it is paid or declined.

    Exits 1 when it was declined. What is recorded is charged whether or not anybody waits:
    `outbound-sms billing top-ups` shows what became of it.
    """

    async def work(client: Client) -> None:
        currency = await _ask(client, amount, yes=yes, as_json=as_json)
        top_up = await _open(client, amount, request_id or str(uuid.uuid4()))
        if not no_wait:
            with _waiting(amount, currency, as_json):
                top_up = await finished(client, top_up)
        await _tell(client, top_up, as_json)

    connection.run(work)


async def _ask(client: Client, amount: int, *, yes: bool, as_json: bool) -> str:
    """Asks with the amount and what is charged; returns the currency."""
    answer = await client.billing.GetBalance(billing_pb2.GetBalanceRequest())
    currency, method = answer.balance.currency, answer.auto_buy.payment_method
    if not method:
        raise click.ClickException(
            f"There is no payment method to charge. Set one with `{AUTO_BUY} --payment-method ID`, "
            "the payment gateway's id of it, for example Stripe's pm_..."
        )
    confirm(f"Charge {show_micros(amount, currency)} to {method}?", yes=yes, as_json=as_json)
    return currency


async def _open(client: Client, amount: int, request_id: str) -> billing_pb2.TopUp:
    request = billing_pb2.AddFundsRequest(amount_micros=amount, request_id=request_id)
    try:
        return (await client.billing.AddFunds(request)).top_up
    except OutboundSmsError as error:
        if error.code() in _LOST:
            raise click.ClickException(
                "The answer was lost, so it may or may not be charged. Repeat the command as "
                f"`outbound-sms billing add-funds {plain_micros(amount)} --request-id "
                f"{request_id}`: then it is charged once at most."
            ) from error
        raise


async def finished(client: Client, top_up: billing_pb2.TopUp) -> billing_pb2.TopUp:
    """The top-up once it is paid or declined; goes on asking while the server restarts."""
    request = billing_pb2.GetTopUpRequest(top_up_id=top_up.top_up_id)
    while not is_finished(top_up):
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        try:
            top_up = (await client.billing.GetTopUp(request)).top_up
        except OutboundSmsError as error:
            if error.code() not in _LOST:
                raise
            say_interrupted(error, SECONDS_BETWEEN_LOOKS)
    return top_up


@contextlib.contextmanager
def _waiting(amount: int, currency: str, as_json: bool) -> Iterator[None]:
    """Says that the gateway is waited for; on stderr where stdout is for a program."""
    said = f"Charging {show_micros(amount, currency)}"
    out = errors if as_json else console
    try:
        if out.is_terminal:
            with out.status(said):
                yield
        else:
            out.print(f"{said} ...")
            yield
    except (KeyboardInterrupt, asyncio.CancelledError):
        errors.print("It is recorded and goes on: `outbound-sms billing top-ups` shows it.")
        raise


async def _tell(client: Client, top_up: billing_pb2.TopUp, as_json: bool) -> None:
    """What became of it. Raises ClickException when it was declined."""
    if as_json:
        print_json(top_up)
    amount = show_micros(top_up.amount_micros, top_up.currency)
    if top_up.state == billing_pb2.TOP_UP_STATE_FAILED:
        raise click.ClickException(decline_in_words(top_up))
    if as_json:
        return
    if top_up.state != billing_pb2.TOP_UP_STATE_SUCCEEDED:
        console.print(f"Recorded: top-up {top_up.top_up_id} of {amount}.", soft_wrap=True)
        return
    answer = await client.billing.GetBalance(billing_pb2.GetBalanceRequest())
    available = show_micros(answer.balance.available_micros, answer.balance.currency)
    console.print(f"Paid: {amount}. Available now: {available}.", soft_wrap=True)
