"""The money of the demonstration: a little too little at first, then enough for the others."""

import uuid

from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.cli.billing.add_funds import finished
from outbound_sms.cli.billing.balance import show_balance
from outbound_sms.cli.billing.statement import show_statement
from outbound_sms.cli.billing.words import decline_in_words
from outbound_sms.cli.database import connect
from outbound_sms.cli.demo.step import DemoFailed, title
from outbound_sms.cli.output import plain_line
from outbound_sms.cli.requeue import done_in_words, requeue_all
from outbound_sms.domain.money_text import show_micros
from outbound_sms.store.ledger_check import examine_ledger
from outboundsms import Client
from outboundsms.v1 import billing_pb2, delivery_pb2, mass_messages_pb2

# A card of the sandbox gateway that always pays.
PAYMENT_METHOD = "pm_card_visa"
CENT = 10_000
# Stripe charges no less than half a dollar, and so does its sandbox.
LEAST_CHARGE = 50 * CENT
# For how many texts the money does not do at first: enough to be seen.
LEFT_OUT = 20
# For what is sent after the mass message.
SPARE = 100 * CENT


async def fund_most(client: Client, preview: mass_messages_pb2.PreviewMassMessageResponse) -> None:
    """Adds what the texts of a preview lack, but for the last few of them."""
    left_out = min(LEFT_OUT, preview.recipients // 2) * preview.cost_micros // preview.recipients
    amount = (preview.shortfall_micros - left_out) // CENT * CENT
    if amount <= 0:
        plain_line("The balance does for nearly all of them already, so nothing is added.")
        return
    amount = max(amount, LEAST_CHARGE)
    title(f"Add {show_micros(amount, preview.currency)}, which does for nearly all of them")
    await _set_payment_method(client)
    await _add(client, amount)


async def send_the_rest(client: Client, mass_message_id: str) -> bool:
    """Adds funds for the texts that were not sent, and sends just those; whether there were any."""
    balance = await _balance(client)
    if not balance.requeueable_messages:
        return False
    missing = balance.requeueable_cost_micros - balance.available_micros + SPARE
    amount = -(-max(missing, CENT) // CENT) * CENT
    title(f"Add {show_micros(amount, balance.currency)} and send just those that were not sent")
    await _set_payment_method(client)
    await _add(client, amount)
    request = delivery_pb2.RequeueMessagesRequest(mass_message_id=mass_message_id)
    done = await requeue_all(client, request, balance.requeueable_messages)
    plain_line(done_in_words(done))
    if not done.requeued:
        raise DemoFailed("Nothing was requeued, although there were texts without funds.")
    return True


async def show_money(client: Client, database: str) -> int:
    """Shows the balance and the month, and proves the ledger right. Returns its entries.

    Raises DemoFailed when the ledger does not check.
    """
    title("Money")
    await show_balance(client)
    answer = await client.billing.GetStatement(billing_pb2.GetStatementRequest())
    show_statement(answer)
    connection = await connect(database)
    try:
        checked = await examine_ledger(connection)
    finally:
        await connection.close()
    if checked.violations:
        listed = "\n".join(f"  {each.invariant} {each.text}" for each in checked.violations)
        raise DemoFailed(f"The ledger does not check:\n{listed}")
    plain_line(f"The ledger checks: {checked.entries:,} entries of {checked.texts:,} texts.")
    return checked.entries


async def _balance(client: Client) -> billing_pb2.Balance:
    return (await client.billing.GetBalance(billing_pb2.GetBalanceRequest())).balance


async def _set_payment_method(client: Client) -> None:
    """Where the instance has one, that one is charged: here it is a sandbox's in any case."""
    answer = await client.billing.GetBalance(billing_pb2.GetBalanceRequest())
    if answer.auto_buy.payment_method:
        return
    wanted = billing_pb2.AutoBuy(payment_method=PAYMENT_METHOD)
    await client.billing.UpdateAutoBuy(
        billing_pb2.UpdateAutoBuyRequest(
            auto_buy=wanted, update_mask=FieldMask(paths=["payment_method"])
        )
    )


async def _add(client: Client, amount: int) -> None:
    request = billing_pb2.AddFundsRequest(amount_micros=amount, request_id=str(uuid.uuid4()))
    top_up = await finished(client, (await client.billing.AddFunds(request)).top_up)
    if top_up.state != billing_pb2.TOP_UP_STATE_SUCCEEDED:
        raise DemoFailed(decline_in_words(top_up))
    balance = await _balance(client)
    available = show_micros(balance.available_micros, balance.currency)
    plain_line(f"Paid by {top_up.gateway_payment_id}. Available: {available}.")
