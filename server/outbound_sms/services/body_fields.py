"""Rendered texts between the domain and the contract."""

from outbound_sms.domain.body import Body
from outbound_sms.domain.sms_settings import SmsSettings
from outboundsms.v1 import body_pb2


def show_body(body: Body, settings: SmsSettings) -> body_pb2.RenderedBody:
    """The text and how it counts, priced for a number of the instance's own country."""
    return body_pb2.RenderedBody(
        text=body.text,
        encoding=body_pb2.Encoding.ValueType(body.encoding),
        characters=body.characters,
        billable_segments=body.billable_segments,
        carrier_segments=body.carrier_segments,
        cost_micros=body.billable_segments * settings.home_price_micros(body.encoding),
        currency=settings.currency,
        offending_characters=[
            body_pb2.OffendingCharacter(
                character=found.character,
                name=found.name,
                first_index=found.index,
                count=found.count,
            )
            for found in body.offending
        ],
    )
