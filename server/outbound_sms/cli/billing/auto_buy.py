"""`outbound-sms billing auto-buy`: how the instance pays, and whether it tops up by itself."""

import click
from google.protobuf.field_mask_pb2 import FieldMask

from outbound_sms.cli.amounts import AMOUNT
from outbound_sms.cli.billing.balance import auto_buy_in_words
from outbound_sms.cli.connection import Connection, connected
from outbound_sms.cli.output import console, facts, print_json
from outbound_sms.domain.money_text import show_micros
from outboundsms import Client
from outboundsms.v1 import billing_pb2


@click.command(
    "auto-buy",
    epilog="""\b
Examples:
  outbound-sms billing auto-buy
  outbound-sms billing auto-buy --customer cus_123 --payment-method pm_123
  outbound-sms billing auto-buy --on --threshold 20 --amount 100 --daily-cap 300 --monthly-cap 1000
  outbound-sms billing auto-buy --off
""",
)
@click.option("--on/--off", "enabled", default=None, help="Whether it tops up by itself.")
@click.option("--threshold", type=AMOUNT, help="Tops up when less than this can be spent.")
@click.option("--amount", type=AMOUNT, help="What a top-up charges.")
@click.option("--daily-cap", type=AMOUNT, help="Most that it charges in a day.")
@click.option("--monthly-cap", type=AMOUNT, help="Most that it charges in a month.")
@click.option("--customer", help="Who pays: the payment gateway's id, for example cus_...")
@click.option(
    "--payment-method", help="What is charged: the gateway's id, for example pm_... No card number."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@connected
def auto_buy(
    connection: Connection,
    enabled: bool | None,
    threshold: int | None,
    amount: int | None,
    daily_cap: int | None,
    monthly_cap: int | None,
    customer: str | None,
    payment_method: str | None,
    as_json: bool,
) -> None:
    """Changes what is given and leaves the rest; without options shows how funds are bought.

    `add-funds` charges the same payment method.
    """
    given = {
        "enabled": enabled,
        "threshold_micros": threshold,
        "amount_micros": amount,
        "daily_cap_micros": daily_cap,
        "monthly_cap_micros": monthly_cap,
        "customer": customer,
        "payment_method": payment_method,
    }
    paths = [name for name, value in given.items() if value is not None]
    wanted = billing_pb2.AutoBuy(
        enabled=bool(enabled),
        threshold_micros=threshold or 0,
        amount_micros=amount or 0,
        daily_cap_micros=daily_cap or 0,
        monthly_cap_micros=monthly_cap or 0,
        customer=customer or "",
        payment_method=payment_method or "",
    )

    async def work(client: Client) -> None:
        if paths:
            request = billing_pb2.UpdateAutoBuyRequest(
                auto_buy=wanted, update_mask=FieldMask(paths=paths)
            )
            await client.billing.UpdateAutoBuy(request)
        answer = await client.billing.GetBalance(billing_pb2.GetBalanceRequest())
        if as_json:
            print_json(answer.auto_buy)
        else:
            _show(answer.auto_buy, answer.balance.currency)

    connection.run(work)


def _show(found: billing_pb2.AutoBuy, currency: str) -> None:
    rows = (
        ("Auto-buy", auto_buy_in_words(found, currency)),
        ("Threshold", show_micros(found.threshold_micros, currency)),
        ("Amount", show_micros(found.amount_micros, currency)),
        ("Daily cap", show_micros(found.daily_cap_micros, currency)),
        ("Monthly cap", show_micros(found.monthly_cap_micros, currency)),
        ("Customer", found.customer or "none"),
        ("Payment method", found.payment_method or "none"),
    )
    console.print(facts(rows), soft_wrap=True)
