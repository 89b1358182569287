"""The signature of Telnyx's webhooks, compared with the one of its own library."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from telnyx.lib.webhook_verification import WebhookVerificationError, verify_webhook_signature

from outbound_sms.carriers.carrier import Callback
from outbound_sms.carriers.telnyx_signature import LONGEST_DIFFERENCE, read_public_key, verify
from tests.carriers.telnyx_server import KEY, PUBLIC_KEY, signed

URL = "https://sms.example.net/receipts/telnyx?m=1"
BODY = '{"data": {"text": "ARRÊT ☎"}}'.encode()
NOW = 1_774_000_000
OURS = [read_public_key(PUBLIC_KEY)]
OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)


def we_accept(headers: dict[str, str], body: bytes = BODY, now: float = NOW) -> bool:
    return verify(OURS, Callback(URL, headers, body), now)


def they_accept(headers: dict[str, str], body: bytes = BODY) -> bool:
    """By the real clock, as the library knows no other."""
    try:
        verify_webhook_signature(body, headers, PUBLIC_KEY)
    except WebhookVerificationError:
        return False
    return True


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_the_library_accepts_what_we_accept(text: str) -> None:
    body = text.encode()
    headers = signed(body)
    assert we_accept(headers, body, time.time())
    assert they_accept(headers, body)


def spoilt() -> dict[str, tuple[dict[str, str], bytes]]:
    """Each differs from what was signed in one thing."""
    right = signed(BODY)
    made, at = right["telnyx-signature-ed25519"], right["telnyx-timestamp"]
    raw = base64.b64decode(made)

    def with_signature(value: str) -> dict[str, str]:
        return right | {"telnyx-signature-ed25519": value}

    def with_time(value: str) -> dict[str, str]:
        return right | {"telnyx-timestamp": value}

    return {
        "another body": (right, BODY + b" "),
        "no body": (right, b""),
        "another key": (signed(BODY, key=OTHER), BODY),
        "another time": (with_time(str(int(at) + 1)), BODY),
        "the time of another form": (with_time("0" + at), BODY),
        "no time": (with_time(""), BODY),
        "a time that is none": (with_time("soon"), BODY),
        "a negative time": (with_time("-1"), BODY),
        "no signature": (with_signature(""), BODY),
        "a signature that is no base64": (with_signature("é"), BODY),
        "a short signature": (with_signature(base64.b64encode(raw[:-1]).decode()), BODY),
        "a long signature": (with_signature(base64.b64encode(raw + b"x").decode()), BODY),
        "a changed signature": (
            with_signature(base64.b64encode(bytes([raw[0] ^ 1]) + raw[1:]).decode()),
            BODY,
        ),
        "a signature of zeros": (with_signature(base64.b64encode(bytes(64)).decode()), BODY),
        "no headers": ({}, BODY),
        "too old": (signed(BODY, at=time.time() - LONGEST_DIFFERENCE - 30), BODY),
        "of the future": (signed(BODY, at=time.time() + LONGEST_DIFFERENCE + 30), BODY),
    }


@pytest.mark.parametrize("name", spoilt())
def test_both_refuse_what_was_not_signed_so(name: str) -> None:
    headers, body = spoilt()[name]
    assert not we_accept(headers, body, time.time())
    assert not they_accept(headers, body)


@pytest.mark.parametrize(
    ("age", "accepted"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
def test_a_callback_is_taken_for_five_minutes_by_the_clock_that_is_given(
    age: int, accepted: bool
) -> None:
    assert we_accept(signed(BODY, at=NOW - age)) is accepted


@pytest.mark.parametrize("timestamp", ["9" * 13, "1" * 5_000, "²", "1_0", " 1", "+1", "1.0", "\0"])
def test_a_time_that_is_written_strangely_is_refused_even_when_it_is_signed(timestamp: str) -> None:
    made = KEY.sign(timestamp.encode() + b"|" + BODY)
    headers = {
        "telnyx-signature-ed25519": base64.b64encode(made).decode(),
        "telnyx-timestamp": timestamp,
    }
    assert not we_accept(headers, now=float(timestamp) if timestamp.isdecimal() else 1.0)


def test_a_body_that_is_no_text_is_verified_by_its_bytes() -> None:
    assert we_accept(signed(b"\xff\xfe", at=NOW), b"\xff\xfe")
    assert not we_accept(signed(b"\xff\xfe", at=NOW), b"\xff\xfd")


def test_while_a_key_is_changed_both_verify_and_no_other() -> None:
    new = base64.b64encode(OTHER.public_key().public_bytes_raw()).decode()
    keys = [read_public_key(new), *OURS]
    callback = Callback(URL, signed(BODY, at=NOW), BODY)
    assert verify(keys, callback, NOW)
    assert verify(keys, Callback(URL, signed(BODY, at=NOW, key=OTHER), BODY), NOW)
    assert not verify(keys[:1], callback, NOW)
    assert not verify([], callback, NOW)


@pytest.mark.parametrize("text", ["", "x", "é", PUBLIC_KEY[:-4], PUBLIC_KEY + "AAAA", "-" * 44])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_public_key(text)
