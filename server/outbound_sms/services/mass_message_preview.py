"""What a mass message would come to, before anybody is texted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from outbound_sms.domain.money_text import show_micros
from outbound_sms.domain.price_list import PriceList
from outbound_sms.domain.rendering import Rendered
from outbound_sms.domain.shortfall import Funds
from outbound_sms.services.body_fields import show_body
from outbound_sms.services.language_fields import show_language
from outbound_sms.services.mass_message_fields import to_duration
from outbound_sms.services.mass_message_plan import Plan, TextKey
from outbound_sms.store.audience import AudienceCount
from outboundsms.v1 import mass_messages_pb2 as pb


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that somebody would get, and how many in each country."""

    key: TextKey
    rendered: Rendered
    by_country: Mapping[str, int]

    @property
    def recipients(self) -> int:
        return sum(self.by_country.values())

    def cost_micros(self, prices: PriceList) -> int:
        """What it costs for all of them."""
        body = self.rendered.body
        return sum(
            recipients * prices.cost_micros(country, body.encoding, body.billable_segments)
            for country, recipients in self.by_country.items()
        )


def show_preview(
    plan: Plan, count: AudienceCount, queued: int, funds: Funds
) -> pb.PreviewMassMessageResponse:
    """The preview; `queued` are carrier segments that wait for the sending number already.

    Raises InvalidRequest when somebody would get a text that cannot be sent.
    """
    texts = _texts(plan, count)
    billable = sum(each.recipients * each.rendered.body.billable_segments for each in texts)
    carrier = sum(each.recipients * each.rendered.body.carrier_segments for each in texts)
    seconds = (queued + carrier) / plan.number.segments_per_second if carrier else 0.0
    cost = sum(each.cost_micros(plan.prices) for each in texts)
    shortfall = funds.shortfall_micros(cost) if texts else 0
    return pb.PreviewMassMessageResponse(
        accounts=count.accounts,
        contacts=count.contacts,
        recipients=sum(each.recipients for each in texts),
        left_out=_left_out(count),
        billable_segments=billable,
        carrier_segments=carrier,
        cost_micros=cost,
        currency=plan.settings.currency,
        time_to_finish=to_duration(seconds),
        bodies=[
            pb.PreviewBody(
                company_id=str(each.key[0]),
                language=show_language(each.key[1]),
                recipients=each.recipients,
                body=show_body(each.rendered.body, plan.settings),
            )
            for each in texts
        ],
        warnings=[
            *_warnings(plan, texts, timedelta(seconds=seconds)),
            *_money_warnings(funds, shortfall, plan.settings.currency),
        ],
        available_micros=funds.available_micros,
        queued_cost_micros=funds.queued_cost_micros,
        shortfall_micros=shortfall,
        auto_buy_covers=funds.auto_buy_covers(shortfall),
    )


def _texts(plan: Plan, count: AudienceCount) -> list[_Text]:
    """The different texts, most recipients first."""
    found: dict[TextKey, dict[str, int]] = {}
    for number in count.numbers:
        if number.left_out:
            continue
        key = (number.company_id, number.language)
        if key in plan.refused:
            raise plan.refusal(key)
        # A company that was added in these milliseconds has no text, and gets none when sending.
        if key in plan.texts:
            found.setdefault(key, {})[number.country] = number.numbers
    texts = [_Text(key, plan.texts[key], by_country) for key, by_country in found.items()]
    return sorted(texts, key=lambda text: (-text.recipients, text.key))


def _left_out(count: AudienceCount) -> list[pb.LeftOut]:
    by_reason: dict[int, int] = {}
    for number in count.numbers:
        if number.left_out:
            by_reason[number.left_out] = by_reason.get(number.left_out, 0) + number.numbers
    return [
        pb.LeftOut(reason=pb.LeftOutReason.ValueType(reason), phone_numbers=numbers)
        for reason, numbers in sorted(by_reason.items())
    ]


def _warnings(plan: Plan, texts: list[_Text], to_finish: timedelta) -> list[str]:
    warnings = []
    for each in texts:
        company_id, language = each.key
        who = f"{plan.companies[company_id]} ({language}): "
        # A dropped sentence names its company already, and is dropped in every language.
        warnings += [
            warning if warning.startswith(plan.companies[company_id]) else who + warning
            for warning in each.rendered.warnings
        ]
    if to_finish > plan.spec.valid_for:
        warnings.append(
            f"Sending takes about {_hours(to_finish)}, but texts are valid for "
            f"{_hours(plan.spec.valid_for)} only: the last ones would not be sent."
        )
    return list(dict.fromkeys(warnings))


def _money_warnings(funds: Funds, shortfall_micros: int, currency: str) -> list[str]:
    if shortfall_micros == 0:
        return []
    lacking = show_micros(shortfall_micros, currency)
    if funds.auto_buy_covers(shortfall_micros):
        return [
            f"The balance is {lacking} short, which automatic top-ups make up for; where a payment "
            "is declined, the last texts are not sent."
        ]
    remedy = (
        "automatic top-ups do not make up for it now: add funds, or raise their caps"
        if funds.auto_buy
        else "add funds, or switch on auto-buy"
    )
    return [f"The balance is {lacking} short, so that the last texts would not be sent; {remedy}."]


def _hours(length: timedelta) -> str:
    minutes = -int(-length.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
