"""The words in which money is told."""

from collections.abc import Mapping

from outbound_sms.cli.output import local_time
from outbound_sms.domain.money_text import show_micros
from outboundsms.v1 import billing_pb2

KINDS: Mapping[int, str] = {
    billing_pb2.LEDGER_ENTRY_KIND_TOP_UP: "top-up",
    billing_pb2.LEDGER_ENTRY_KIND_HOLD: "hold",
    billing_pb2.LEDGER_ENTRY_KIND_CAPTURE: "capture",
    billing_pb2.LEDGER_ENTRY_KIND_RELEASE: "release",
    billing_pb2.LEDGER_ENTRY_KIND_REFUND: "refund",
    billing_pb2.LEDGER_ENTRY_KIND_ADJUSTMENT: "adjustment",
}
TOP_UP_STATES: Mapping[int, str] = {
    billing_pb2.TOP_UP_STATE_OPEN: "open",
    billing_pb2.TOP_UP_STATE_CHARGING: "charging",
    billing_pb2.TOP_UP_STATE_SUCCEEDED: "paid",
    billing_pb2.TOP_UP_STATE_FAILED: "declined",
}
OBSTACLES: Mapping[int, str] = {
    billing_pb2.AUTO_BUY_OBSTACLE_DAILY_CAP: (
        "the daily cap is reached; raise it with --daily-cap, or add funds"
    ),
    billing_pb2.AUTO_BUY_OBSTACLE_MONTHLY_CAP: (
        "the monthly cap is reached; raise it with --monthly-cap, or add funds"
    ),
    billing_pb2.AUTO_BUY_OBSTACLE_DECLINED: (
        "the last one was declined less than an hour ago; set another --payment-method, or wait"
    ),
}
_DECLINES: Mapping[str, str] = {
    "insufficient_funds": "There is not enough money on the card.",
    "expired_card": "The card has expired.",
    "authentication_required": "The bank wants its owner to confirm the payment.",
    "lost_card": "The card was reported lost.",
    "stolen_card": "The card was reported stolen.",
    "resource_missing": "The gateway does not know the payment method, or the customer.",
}
_OTHER_AMOUNTS: Mapping[str, str] = {
    "amount_too_small": "The gateway charges no amount so small; add a larger one.",
    "amount_too_large": "The gateway charges no amount so large; add a smaller one.",
}
_FINISHED = (billing_pb2.TOP_UP_STATE_SUCCEEDED, billing_pb2.TOP_UP_STATE_FAILED)

ADD_FUNDS = "outbound-sms billing add-funds"
AUTO_BUY = "outbound-sms billing auto-buy"
REQUEUE = "outbound-sms messages requeue"


def is_finished(top_up: billing_pb2.TopUp) -> bool:
    """Whether it was paid or declined."""
    return top_up.state in _FINISHED


def kind_name(kind: int) -> str:
    """The kind of a ledger entry; a number that is newer than this command as it is."""
    return KINDS.get(kind, f"kind {kind}")


def top_up_in_words(top_up: billing_pb2.TopUp) -> str:
    """Amount, what became of it, and when."""
    how = "automatic, " if top_up.automatic else ""
    amount = show_micros(top_up.amount_micros, top_up.currency)
    moment = top_up.finish_time if top_up.HasField("finish_time") else top_up.create_time
    return f"{amount}, {how}{state_in_words(top_up)}, {local_time(moment)}"


def state_in_words(top_up: billing_pb2.TopUp) -> str:
    """What became of it, with the gateway's code when it was declined."""
    state = TOP_UP_STATES.get(top_up.state, f"state {top_up.state}")
    return f"{state} ({top_up.failure_code})" if top_up.failure_code else state


def decline_in_words(top_up: billing_pb2.TopUp) -> str:
    """That it was declined, why, and what to do about it."""
    amount = show_micros(top_up.amount_micros, top_up.currency)
    code = top_up.failure_code or "no reason was given"
    if other := _OTHER_AMOUNTS.get(top_up.failure_code):
        return f"The top-up of {amount} was declined ({code}); nothing was charged. {other}"
    why = _DECLINES.get(top_up.failure_code, "")
    return (
        f"The top-up of {amount} was declined ({code}); nothing was charged. "
        f"{why + ' ' if why else ''}Set another payment method with `{AUTO_BUY} "
        "--payment-method ID`, or ask the bank, and add the funds again."
    )


def low_funds_in_words(balance: billing_pb2.Balance) -> str:
    """That funds are low, and what to do about it."""
    left = show_micros(balance.available_micros, balance.currency)
    threshold = show_micros(balance.low_funds_threshold_micros, balance.currency)
    return f"LOW FUNDS: {left} is below {threshold}; `{ADD_FUNDS} AMOUNT` adds some."


def unfunded_in_words(balance: billing_pb2.Balance) -> str:
    """How many texts were not sent for lack of funds, and their price; `none` when all were."""
    count = balance.requeueable_messages
    if not count:
        return "none"
    cost = show_micros(balance.requeueable_cost_micros, balance.currency)
    return f"{count:,} for lack of funds, {cost}; `{REQUEUE}` sends them"
