"""What an adapter reads from the callback that carries a text to one of our numbers."""

import pytest

from outbound_sms.carriers.carrier import Callback, Inbound, MalformedInbound, MalformedReceipt
from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig
from tests.carriers.harness import form_callback

CARRIER = TwilioCarrier(TwilioConfig(name="t", account_sid="AC" + "1" * 32, auth_token="a token"))
FORM = {"MessageSid": "SM1", "From": "+14165550123", "To": "+12125550100", "Body": "STOP"}


@pytest.mark.parametrize(
    ("form", "inbound"),
    [
        (FORM, Inbound("SM1", "+14165550123", "+12125550100", "STOP")),
        (
            {**FORM, "MessageSid": "", "SmsSid": "SM2"},
            Inbound("SM2", "+14165550123", "+12125550100", "STOP"),
        ),
        ({**FORM, "Body": ""}, Inbound("SM1", "+14165550123", "+12125550100", "")),
        ({**FORM, "Body": "a\0b"}, Inbound("SM1", "+14165550123", "+12125550100", "a\ufffdb")),
    ],
)
def test_a_text_is_read(form: dict[str, str], inbound: Inbound) -> None:
    assert CARRIER.parse_inbound(form_callback(form)) == inbound


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"MessageSid": ""}, "MessageSid"),
        ({"MessageSid": "two words"}, "MessageSid"),
        ({"MessageSid": "S" * 129}, "MessageSid"),
        ({"From": ""}, "From"),
        ({"From": "22395"}, "From"),
        ({"From": "ISP"}, "From"),
        ({"From": "whatsapp:+14165550123"}, "From"),
        ({"From": "+14165550123\n"}, "From"),
        ({"From": "+١٤١٦٥٥٥٠١٢٣"}, "From"),
        ({"From": "+1416555012345678"}, "From"),
        ({"To": "12125550100"}, "To"),
    ],
)
def test_what_is_no_text_between_phone_numbers_is_refused(
    change: dict[str, str], field: str
) -> None:
    with pytest.raises(MalformedInbound, match=f"^{field} is") as refused:
        CARRIER.parse_inbound(form_callback({**FORM, **change}))
    assert "555" not in str(refused.value)


@pytest.mark.parametrize("name", FORM)
def test_a_field_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(MalformedInbound, match=f"^{name} is missing"):
        CARRIER.parse_inbound(form_callback({k: v for k, v in FORM.items() if k != name}))


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b"&" * 2_000, b"=&=&%", b"\0"])
def test_a_body_that_is_no_form_says_nothing(body: bytes) -> None:
    with pytest.raises(MalformedInbound):
        CARRIER.parse_inbound(Callback("", {}, body))
    with pytest.raises(MalformedReceipt):
        CARRIER.parse_receipt(Callback("", {}, body))
