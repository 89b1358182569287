"""The signature of callbacks, compared with the one of Twilio's own library."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict, MultiDictProxy
from twilio.request_validator import RequestValidator

from outbound_sms.carriers import signature

TOKEN = "a-test-token"
URL = "https://sms.example.net/receipts?a=0190&s=abc%2Fdef"
FORM = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+14165550123"}

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def signed(url: str = URL, form: dict[str, str] | None = None, token: str = TOKEN) -> str:
    made: str = RequestValidator(token).compute_signature(url, FORM if form is None else form)
    return made


@given(st.dictionaries(text, text, max_size=6))
def test_any_form_is_signed_as_twilio_signs_it(form: dict[str, str]) -> None:
    assert signature.sign(TOKEN, URL, form.items()) == signed(form=form)
    assert signature.verify([TOKEN], URL, form, signed(form=form))


def test_a_repeated_field_is_signed_as_twilio_signs_it() -> None:
    form = MultiDict([("b", "2"), ("a", "1"), ("b", "1"), ("b", "2")])
    expected = RequestValidator(TOKEN).compute_signature(URL, form)
    assert signature.sign(TOKEN, URL, form.items()) == expected
    assert signature.verify([TOKEN], URL, MultiDictProxy(form), expected)
    assert signature.verify([TOKEN], URL, list(form.items()), expected)


@pytest.mark.parametrize(
    ("configured", "signed_by_the_carrier"),
    [
        ("https://sms.example.net/r?a=1", "https://sms.example.net:443/r?a=1"),
        ("https://sms.example.net:443/r?a=1", "https://sms.example.net/r?a=1"),
        ("http://sms.example.net/r", "http://sms.example.net:80/r"),
        ("https://sms.example.net:8443/r", "https://sms.example.net:8443/r"),
        ("https://sms.example.net:8443/r", "https://sms.example.net/r"),
        ("https://[2001:db8::1]:443/r", "https://[2001:db8::1]/r"),
        ("https://[2001:db8::1]/r", "https://[2001:db8::1]:443/r"),
    ],
)
def test_the_port_may_be_in_the_signed_url_or_not(
    configured: str, signed_by_the_carrier: str
) -> None:
    assert signature.verify([TOKEN], configured, FORM, signed(signed_by_the_carrier))


def test_the_validator_of_twilio_agrees_about_what_we_sign() -> None:
    assert RequestValidator(TOKEN).validate(URL, FORM, signature.sign(TOKEN, URL, FORM.items()))


@pytest.mark.parametrize(
    ("url", "form"),
    [
        (URL + "0", FORM),
        (URL.replace("https", "http"), FORM),
        (URL.replace("0190", "0191"), FORM),
        (URL, FORM | {"MessageStatus": "failed"}),
        (URL, FORM | {"Extra": "1"}),
        (URL, {k: v for k, v in FORM.items() if k != "To"}),
        (URL, {}),
        (URL, b""),
    ],
)
def test_anything_changed_is_refused(url: str, form: dict[str, str] | bytes) -> None:
    assert not signature.verify([TOKEN], url, form, signed())


def test_the_order_of_the_fields_does_not_matter() -> None:
    assert signature.verify([TOKEN], URL, list(FORM.items())[::-1], signed())


@pytest.mark.parametrize("given_signature", ["", "x", signed()[:-1], signed().lower(), "é", "\0"])
def test_a_missing_or_broken_signature_is_refused(given_signature: str) -> None:
    assert not signature.verify([TOKEN], URL, FORM, given_signature)


@pytest.mark.parametrize("url", ["", "nonsense", "https://host:port/", "https://[::1/"])
def test_a_broken_url_is_refused(url: str) -> None:
    assert not signature.verify([TOKEN], url, FORM, signed())


def test_while_a_token_is_rotated_both_verify_and_no_other() -> None:
    tokens = ["new-token", TOKEN]
    assert signature.verify(tokens, URL, FORM, signed())
    assert signature.verify(tokens, URL, FORM, signed(token="new-token"))
    assert not signature.verify(tokens, URL, FORM, signed(token="old-token"))
    assert not signature.verify([], URL, FORM, signed())


BODY = b'{"MessageSid": "SM1"}'
JSON_URL = f"{URL}&bodySHA256={hashlib.sha256(BODY).hexdigest()}"


def test_a_json_body_is_covered_by_its_digest_in_the_url() -> None:
    made = signed(JSON_URL, {})
    assert RequestValidator(TOKEN).validate(JSON_URL, BODY.decode(), made)
    assert signature.verify([TOKEN], JSON_URL, BODY, made)
    assert not signature.verify([TOKEN], JSON_URL, BODY + b" ", made)


def test_a_json_body_without_a_digest_is_refused() -> None:
    assert not signature.verify([TOKEN], URL, BODY, signed(URL, {}))
