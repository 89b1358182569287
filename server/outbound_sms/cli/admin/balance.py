"""`outbound-sms admin adjust-balance`: money that no payment moved."""

import uuid

import click
import grpc

from outbound_sms.cli.amounts import AMOUNT
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, print_json
from outbound_sms.domain.money_text import show_micros
from outboundsms import Client, OutboundSmsError
from outboundsms.v1 import instances_pb2

_LOST = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


@click.command(
    "adjust-balance",
    # An amount below 0 looks like an option.
    context_settings={"ignore_unknown_options": True},
    epilog="""\b
Examples:
  outbound-sms admin adjust-balance INSTANCE_ID 25.00 --note "Credit for the outage of May 3"
  outbound-sms admin adjust-balance INSTANCE_ID -5.00 --note "Credited twice"
""",
)
@click.argument("instance_id")
@click.argument("amount", type=AMOUNT)
@click.option("--note", required=True, help="Why; the tenant's administrators see it.")
@click.option("--request-id", help="UUID of an earlier, interrupted call, to adjust once only.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def adjust_balance(
    connection: Connection,
    instance_id: str,
    amount: int,
    note: str,
    request_id: str | None,
    as_json: bool,
) -> None:
    """Adds AMOUNT to what a tenant can spend, or takes it when it is below 0.

    Never takes more than can be spent. Needs a key of the platform operator: see
    create-operator-key.
    """
    request = instances_pb2.AdjustBalanceRequest(
        instance_id=instance_id,
        amount_micros=amount,
        note=note,
        request_id=request_id or str(uuid.uuid4()),
    )

    async def work(client: Client) -> None:
        balance = (await _adjust(client, request)).balance
        if as_json:
            print_json(balance)
            return
        available = show_micros(balance.available_micros, balance.currency)
        console.print(f"Available now: {available}.", soft_wrap=True)

    connection.run(work)


async def _adjust(
    client: Client, request: instances_pb2.AdjustBalanceRequest
) -> instances_pb2.AdjustBalanceResponse:
    try:
        return await client.instances.AdjustBalance(request)
    except OutboundSmsError as error:
        if error.code() in _LOST:
            raise click.ClickException(
                "The answer was lost, so it may or may not be done. Repeat the command with "
                f"--request-id {request.request_id}: then it is done once at most."
            ) from error
        if error.reason == "BALANCE_TOO_LOW":
            available = show_micros(int(error.metadata["available_micros"]), "")
            raise click.ClickException(
                f"Only {available} can be spent, so no more than that can be taken."
            ) from error
        raise
