"""The search for personal values can find them: else it would prove nothing."""

import base64
import io
import json
import logging
from urllib.parse import quote, urlencode

import pytest
import structlog

from outbound_sms import log
from tests.e2e.canaries import Canaries, Canary

PHONE = "+13125550161"
NAME = "Zephyrine Quillfeather"
EMAIL = "zephyrine@canary.example"
BODY = "marzipan walrus, please"
CANARIES = Canaries([Canary(PHONE, phone=True), Canary(NAME), Canary(EMAIL), Canary(BODY)])


@pytest.mark.parametrize(
    "text",
    [
        PHONE,
        "13125550161",
        "3125550161",
        "(312) 555-0161",
        "312-555-0161",
        "+1 312.555.0161",
        quote(PHONE),
        urlencode({"From": "(312) 555-0161"}, quote_via=quote),
        *(base64.b64encode(b"x" * n + PHONE.encode() + b"y").decode() for n in range(4)),
        NAME,
        NAME.upper(),
        quote(NAME),
        urlencode({"name": NAME}),
        json.dumps({"Failing row contains": f"(1, {NAME})"}),
        *(base64.urlsafe_b64encode(b"x" * n + NAME.encode() + b"y").decode() for n in range(4)),
        EMAIL,
        quote(EMAIL, safe=""),
        BODY,
        urlencode({"Body": BODY}),
        BODY.encode().hex(),
    ],
)
def test_a_value_is_found_however_it_is_written(text: str) -> None:
    assert len(CANARIES.found_in(f'{{"event":"a line","detail":"{text}"}}')) == 1


@pytest.mark.parametrize(
    "text", ["", "+1312***0161", "31255501617", "Zephyrine", base64.b64encode(b"other").decode()]
)
def test_what_is_masked_or_another_value_is_not_found(text: str) -> None:
    assert not CANARIES.found_in(text)


def test_a_value_that_is_logged_on_purpose_is_found() -> None:
    stream = io.StringIO()
    log.configure("DEBUG", stream)
    try:
        structlog.get_logger().warning("on purpose", name=NAME, number="(312) 555-0161")
        logging.getLogger("library").warning("on purpose: %s", BODY)
    finally:
        structlog.reset_defaults()
        log.turn_off()
    assert len(CANARIES.found_in(stream.getvalue())) == 3
