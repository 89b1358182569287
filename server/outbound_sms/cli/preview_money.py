"""Whether the money will do for a mass message, and what can be done when it will not."""

from outbound_sms.cli.billing.words import ADD_FUNDS, AUTO_BUY, REQUEUE
from outbound_sms.domain.money_text import show_micros
from outboundsms.v1 import mass_messages_pb2

# Funds are added in whole units here: gateways refuse a few cents.
_UNIT = 1_000_000


def money_facts(preview: mass_messages_pb2.PreviewMassMessageResponse) -> list[tuple[str, str]]:
    """The cost, what there is to pay it with, and what will be paid before."""
    rows = [
        ("Cost", show_micros(preview.cost_micros, preview.currency)),
        ("Available", show_micros(preview.available_micros, preview.currency)),
    ]
    if preview.queued_cost_micros:
        queued = show_micros(preview.queued_cost_micros, preview.currency)
        rows.append(("Paid before", f"{queued} for texts that wait already"))
    if preview.shortfall_micros:
        rows.append(("Short", show_micros(preview.shortfall_micros, preview.currency)))
    return rows


def is_short(preview: mass_messages_pb2.PreviewMassMessageResponse) -> bool:
    """Whether texts will go unpaid, unless funds are added."""
    return preview.shortfall_micros > 0 and not preview.auto_buy_covers


def shortfall_in_words(preview: mass_messages_pb2.PreviewMassMessageResponse) -> list[str]:
    """Roughly what the shortfall means and the three ways out; nothing when the money will do.

    How much it is stands in `money_facts`, and in the warnings of the preview.
    """
    if not is_short(preview):
        return []
    return [
        f"The money will not do: {_what_that_means(preview)} You can",
        f"- add funds: `{ADD_FUNDS} {-(-preview.shortfall_micros // _UNIT)}`",
        f"- let it top up by itself: `{AUTO_BUY} --on`, with a threshold, an amount and caps",
        f"- send anyway, add funds later, and send the rest: `{REQUEUE} --mass-message ID`",
    ]


def unpaid_texts(preview: mass_messages_pb2.PreviewMassMessageResponse) -> int:
    """Roughly how many texts cannot be paid, at their mean price; at most all of them."""
    if not preview.cost_micros:
        return 0
    texts = -(-preview.shortfall_micros * preview.recipients // preview.cost_micros)
    return min(int(texts), preview.recipients)


def _what_that_means(preview: mass_messages_pb2.PreviewMassMessageResponse) -> str:
    unpaid = unpaid_texts(preview)
    if unpaid == preview.recipients:
        return f"none of the {preview.recipients:,} texts would be sent."
    return f"about {unpaid:,} of {preview.recipients:,} texts would not be sent, the last ones."
