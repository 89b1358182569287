"""Our signatures and those of Twilio's own library, for any form and address: one accepts the
other's, and what one refuses the other refuses too, but for what the last tests name."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import (
    HMAC_SHA1,
    HMAC_SHA256,
    RequestValidator,
    get_signature_algorithm,
)
from yarl import URL

from outbound_sms.carriers import signature
from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig
from outbound_sms.domain.callback import CallbackAddress
from outbound_sms.inbox.receipts import ReceiptInbox
from outbound_sms.inbox.texts import TextInbox
from outbound_sms.store.pool import Pool
from outbound_sms.webhooks.inbound import InboundHandler
from outbound_sms.webhooks.server import ReceiptHandler, build_app
from tests.carriers.harness import form_callback

TOKEN = "a-test-token"
TWILIO = RequestValidator(TOKEN)
Fields = list[tuple[str, str]]

urls = st.from_regex(
    r"https?://[a-z][a-z0-9]{0,8}\.example\.net(:[1-9][0-9]{0,3})?"
    r"(/[A-Za-z0-9%._~+-]{0,8}){1,3}(\?[A-Za-z0-9%=&+_.~/:@-]{1,30})?",
    fullmatch=True,
)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# Few names, so that they are repeated.
names = st.sampled_from(["", "Body", "MediaUrl", "To", "bodySHA256"]) | text
forms = st.lists(st.tuples(names, text), max_size=6)


def theirs(url: str, form: Fields, token: str = TOKEN) -> str:
    made: str = RequestValidator(token).compute_signature(url, MultiDict(form))
    return made


def they_accept(url: str, form: Fields, made: str) -> bool:
    accepted: bool = TWILIO.validate(url, MultiDict(form), made)
    return accepted


def we_accept(url: str, form: Fields, made: str) -> bool:
    """As the server reads a form that a carrier sends."""
    read = parse_qsl(urlencode(form), keep_blank_values=True)
    return signature.verify([TOKEN], url, read, made)


@given(urls, forms)
def test_each_accepts_what_the_other_has_signed(url: str, form: Fields) -> None:
    assert we_accept(url, form, theirs(url, form))
    assert they_accept(url, form, signature.sign(TOKEN, url, form))


@given(urls, forms, urls, forms)
def test_they_agree_about_a_signature_of_something_else(
    url: str, form: Fields, other_url: str, other_form: Fields
) -> None:
    for signed_url, signed_form in ((url, other_form), (other_url, form)):
        made = theirs(signed_url, signed_form)
        assert we_accept(url, form, made) == they_accept(url, form, made)


@given(urls, forms, st.integers(0, 27))
def test_neither_accepts_what_was_changed(url: str, form: Fields, position: int) -> None:
    right = theirs(url, form)
    other = "A" if right[position] != "A" else "B"
    wrong = [
        theirs(url, form, "another-token"),
        theirs(url + "x", form),
        theirs(url, [*form, ("Extra", "1")]),
        right[:position] + other + right[position + 1 :],
        right[:position],
        right + "=",
    ]
    for made in wrong:
        assert not we_accept(url, form, made)
        assert not they_accept(url, form, made)


@given(st.sampled_from(["http", "https"]), st.integers(1, 65_535), forms)
def test_they_agree_about_a_port_that_only_one_side_knows(
    scheme: str, port: int, form: Fields
) -> None:
    bare, with_port = (f"{scheme}://sms.example.net{each}/r?a=1" for each in ("", f":{port}"))
    default = port == {"http": 80, "https": 443}[scheme]
    for ours, signed, accepted in (
        (with_port, with_port, True),
        (with_port, bare, True),
        (bare, with_port, default),
    ):
        made = theirs(signed, form)
        assert we_accept(ours, form, made) is accepted
        assert they_accept(ours, form, made) is accepted


@given(text)
def test_they_agree_about_a_body_that_the_address_has_the_digest_of(body: str) -> None:
    right = hashlib.sha256(body.encode()).hexdigest()
    for digest, accepted in ((right, True), ("0" * 64, False)):
        url = f"https://sms.example.net/r?a=1&bodySHA256={digest}"
        for made in (theirs(url, []), signature.sign(TOKEN, url)):
            assert signature.verify([TOKEN], url, body.encode(), made) is accepted
            assert TWILIO.validate(url, body, made) is accepted


HOOKS = "https://sms.example.net:8443/hooks"
INBOUND = f"{HOOKS}/inbound/sandbox"
CALLBACKS = CallbackAddress(HOOKS, b"k" * 32)
FORM = [
    ("AccountSid", "AC1"),
    ("Body", "ARRÊT ☎ \N{GRINNING FACE}\n&=+% \0"),
    ("From", "+14165550123"),
    ("MediaUrl", "https://media.example.net/2"),
    ("MediaUrl", "https://media.example.net/1"),
    ("MediaUrl", "https://media.example.net/1"),
    ("MessageSid", "SM1"),
    ("MessageStatus", "delivered"),
    ("FromCity", ""),
    ("To", "+12125550100"),
    ("Ünïcode", "é"),
]

Post = Callable[[str, Fields, str], AbstractAsyncContextManager[int]]


@pytest.fixture
async def post(pool: Pool) -> AsyncIterator[Post]:
    """Posts a form with a signature to a public address of a server; gives the answer's status."""
    carrier = TwilioCarrier(TwilioConfig("sandbox", "AC" + "1" * 32, TOKEN))
    carriers = {"sandbox": carrier}
    app = build_app(
        ReceiptHandler(carriers, CALLBACKS, ReceiptInbox(pool)),
        InboundHandler(carriers, CALLBACKS, TextInbox(pool)),
    )
    server = TestServer(app)

    @asynccontextmanager
    async def send(address: str, form: Fields, made: str) -> AsyncIterator[int]:
        local = str(server.make_url("/")).rstrip("/") + address.removeprefix(HOOKS)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            signature.HEADER: made,
        }
        async with session.post(
            URL(local, encoded=True), data=urlencode(form), headers=headers
        ) as response:
            yield response.status

    async with server, ClientSession() as session:
        yield send
    await carrier.close()


@pytest.mark.parametrize(
    "address",
    [
        INBOUND,
        f"{INBOUND}?~a=%7e&b=%41",
        f"{INBOUND}?y=1%2F2&z=a+b%20c&z=&flag&y=1%2f2",
        f"{INBOUND}?q=%C3%A9%E2%98%8E&u=https://a.example.net:80/?b",
        CALLBACKS.url("sandbox", uuid4(), 1),
        CALLBACKS.url("sandbox", uuid4(), 2) + "&later=%2B1",
    ],
    ids=[
        "inbound",
        "needless escapes",
        "inbound query",
        "inbound non-ASCII",
        "receipt",
        "receipt and more",
    ],
)
async def test_a_server_takes_what_twilios_library_has_signed_and_nothing_else(
    post: Post, address: str
) -> None:
    taken = 200 if "/inbound/" in address else 204
    without_port = address.replace(":8443", "")
    for made, status in (
        (theirs(address, FORM), taken),
        (theirs(without_port, FORM), taken),
        (theirs(address, FORM, "another-token"), 403),
        (theirs(address, FORM[:-1]), 403),
        (theirs(address + "&", FORM), 403),
        (theirs(address.replace("https", "http", 1), FORM), 403),
    ):
        async with post(address, FORM, made) as answered:
            assert answered == status


@pytest.mark.parametrize(
    ("ours", "signed"),
    [
        # It takes what is before the first colon for the host.
        ("https://user:secret@sms.example.net:8443/r", "https://user:secret@sms.example.net/r"),
        ("https://[2001:db8::1]:8443/r", "https://[2001:db8::1]/r"),
        # It writes the address anew before it looks at it.
        ("https://sms.example.net/r?", "https://sms.example.net/r?"),
        ("HTTPS://sms.example.net/r", "HTTPS://sms.example.net/r"),
    ],
)
def test_twilios_validator_refuses_addresses_that_its_own_signature_covers(
    ours: str, signed: str
) -> None:
    form = [("Body", "STOP")]
    made = theirs(signed, form)
    assert not they_accept(ours, form, made)
    assert we_accept(ours, form, made)


@pytest.mark.parametrize("query", ["", "?bodySHA256="])
def test_twilios_validator_cannot_read_a_body_without_a_digest_and_we_refuse_it(query: str) -> None:
    url = f"https://sms.example.net/r{query}"
    made = signature.sign(TOKEN, url)
    with pytest.raises(TypeError):
        TWILIO.validate(url, "{}", made)
    assert not signature.verify([TOKEN], url, b"{}", made)


SHARED_KEY = "a-shared-key"
SETTINGS = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"


def with_settings(
    settings: str | None, secret: str, algorithm: str, *, keys: Sequence[str] = (SHARED_KEY,)
) -> tuple[bool, bool]:
    """What each side says of a callback that was signed so, and whose header says `settings`: we
    have a token and shared keys, they the secret that the header asks for."""
    url = "https://sms.example.net/r"
    made = RequestValidator(secret).compute_signature(url, MultiDict(FORM), algorithm)
    callback = form_callback(FORM, url, made, settings)
    named = get_signature_algorithm(settings)
    wanted = SHARED_KEY if settings and "algorithm" in settings else TOKEN
    theirs_said = RequestValidator(wanted).validate(url, MultiDict(FORM), made, named)
    return signature.verify_callback([TOKEN], callback, keys), theirs_said


@pytest.mark.parametrize(
    ("settings", "secret", "algorithm", "accepted"),
    [
        (None, TOKEN, HMAC_SHA1, True),
        ("", TOKEN, HMAC_SHA1, True),
        ("key=webhooks_sharedkey_1", TOKEN, HMAC_SHA1, True),
        (SETTINGS, SHARED_KEY, HMAC_SHA256, True),
        (" algorithm = hmac_sha256 , key=1", SHARED_KEY, HMAC_SHA256, True),
        ("key=1,algorithm=HMAC_SHA1", SHARED_KEY, HMAC_SHA1, True),
        ("algorithm=HMAC_SHA256,algorithm=HMAC_SHA1", SHARED_KEY, HMAC_SHA256, True),
        # A secret and an algorithm are only good where the header says so.
        (None, TOKEN, HMAC_SHA256, False),
        (None, SHARED_KEY, HMAC_SHA1, False),
        (SETTINGS, TOKEN, HMAC_SHA256, False),
        (SETTINGS, SHARED_KEY, HMAC_SHA1, False),
        (SETTINGS, "another-key", HMAC_SHA256, False),
        ("key=1,algorithm=HMAC_MD5", SHARED_KEY, HMAC_SHA256, False),
        ("key=1,algorithm=", SHARED_KEY, HMAC_SHA256, False),
    ],
)
def test_a_header_says_whether_the_token_or_a_shared_key_has_signed(
    settings: str | None, secret: str, algorithm: str, accepted: bool
) -> None:
    assert with_settings(settings, secret, algorithm) == (accepted, accepted)


def test_a_shared_key_is_taken_only_where_there_is_one_and_while_it_is_rotated() -> None:
    for keys, ours in (((), False), (("new-key", SHARED_KEY), True), (("new-key",), False)):
        assert with_settings(SETTINGS, SHARED_KEY, HMAC_SHA256, keys=keys) == (ours, True)
