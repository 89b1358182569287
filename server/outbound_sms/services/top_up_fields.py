"""Top-ups, and how an instance pays, as they are sent and received."""

from typing import Any

from outbound_sms.domain.auto_buy import AutoBuy
from outbound_sms.rpc.fields import to_timestamp
from outbound_sms.store.top_ups import TopUp
from outboundsms.v1 import billing_pb2 as pb

CHANGEABLE = frozenset(
    {
        "enabled",
        "threshold_micros",
        "amount_micros",
        "daily_cap_micros",
        "monthly_cap_micros",
        "customer",
        "payment_method",
    }
)


def read_change(given: pb.AutoBuy, mask: frozenset[str]) -> dict[str, Any]:
    """The values that the mask names, by field; `check_auto_buy` judges them with the others."""
    change = {field: getattr(given, field) for field in mask}
    for reference in mask & {"customer", "payment_method"}:
        change[reference] = change[reference].strip()
    return change


def show_top_up(top_up: TopUp) -> pb.TopUp:
    """The top-up as the contract has it."""
    return pb.TopUp(
        top_up_id=str(top_up.id),
        automatic=top_up.automatic,
        amount_micros=top_up.amount_micros,
        currency=top_up.currency,
        state=pb.TopUpState.ValueType(top_up.state),
        failure_code=top_up.failure_code,
        gateway_payment_id=top_up.gateway_payment_id,
        create_time=to_timestamp(top_up.create_time),
        finish_time=to_timestamp(top_up.finish_time),
    )


def show_auto_buy(stored: AutoBuy) -> pb.AutoBuy:
    """The settings as the contract has them."""
    values = stored.values
    return pb.AutoBuy(
        enabled=values.enabled,
        threshold_micros=values.threshold_micros,
        amount_micros=values.amount_micros,
        daily_cap_micros=values.daily_cap_micros,
        monthly_cap_micros=values.monthly_cap_micros,
        customer=values.customer,
        payment_method=values.payment_method,
        obstacle=pb.AutoBuyObstacle.ValueType(stored.obstacle or 0),
        etag=str(stored.version),
    )
