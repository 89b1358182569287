"""The signature of Twilio-compatible webhooks.

base64(HMAC-SHA1(auth token, URL + name and value of each parameter in sorted order)); a JSON body
is covered by its SHA-256 in the query parameter `bodySHA256` and only the URL is signed. An account
may have shared keys for it in place of its token: a second header then says so, and with which
algorithm. Source: Twilio, "Webhooks security", and the RequestValidator of its Python library.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit

from outbound_sms.carriers.carrier import Callback

Pairs = Sequence[tuple[str, str]]
Form = Mapping[str, str] | Pairs
"""A decoded form. A multi-valued mapping must yield a repeated name once for each value."""

HEADER = "X-Twilio-Signature"
SETTINGS_HEADER = "X-Twilio-Webhooks-Signature-Settings"
"""`key=ID,algorithm=HMAC_SHA256`: with what a signature was made that was not made with the token.
"""

_DIGESTS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
_JSON = "application/json"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def sign(
    secret: str, url: str, pairs: Iterable[tuple[str, str]] = (), *, digest: str = "sha1"
) -> str:
    """The signature of a callback to `url` with these form fields.

    `secret` is the account's token, or a shared key. A field and value that occur twice are signed
    once, as Twilio does it.
    """
    signed = url + "".join([name + value for name, value in sorted(set(pairs))])
    return base64.b64encode(hmac.digest(secret.encode(), signed.encode(), digest)).decode()


def verify(
    secrets: Sequence[str], url: str, form: Form | bytes, signature: str, *, digest: str = "sha1"
) -> bool:
    """True when `signature` was made with one of the secrets. Never raises for hostile input.

    Several secrets are accepted so that one can be rotated without losing receipts. The URL is
    tried with and without its port, because carriers differ in what they sign.
    """
    try:
        candidates = _with_and_without_port(url)
        given = signature.encode("ascii")
        pairs = () if isinstance(form, bytes) else as_pairs(form)
        body_is_signed = not isinstance(form, bytes) or _body_matches(url, form)
        # Every comparison is made, whatever the earlier ones said, so that time tells nothing.
        matches = [
            hmac.compare_digest(sign(secret, candidate, pairs, digest=digest).encode(), given)
            for secret in secrets
            for candidate in candidates
        ]
    except ValueError:
        return False
    return any(matches) and body_is_signed


def verify_callback(
    auth_tokens: Sequence[str], callback: Callback, shared_keys: Sequence[str] = ()
) -> bool:
    """`verify` for a callback whose body is a form, or JSON where its content type says so.

    The settings header decides whether a token or a shared key must have signed it; an algorithm
    that is not known is refused.
    """
    algorithm = _algorithm(callback.headers.get(SETTINGS_HEADER.lower(), ""))
    secrets = auth_tokens if algorithm is None else shared_keys
    digest = "sha1" if algorithm is None else _DIGESTS.get(algorithm.upper())
    if digest is None:
        return False
    is_json = callback.headers.get("content-type", "").partition(";")[0].strip().lower() == _JSON
    form = callback.body if is_json else read_form(callback.body)
    given = callback.headers.get(HEADER.lower(), "")
    return verify(secrets, callback.url, form, given, digest=digest)


def read_form(body: bytes) -> Pairs:
    """The fields of a form's body. Bytes that are no UTF-8 are replaced, and match no signature."""
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    except ValueError:
        return []


def as_pairs(form: Form) -> Pairs:
    """The fields of a form in their order, a repeated name once for each of its values."""
    return list(form.items()) if isinstance(form, Mapping) else form


def _algorithm(settings: str) -> str | None:
    """The algorithm that the settings header names; None where it names none."""
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip()
    return None


def _body_matches(url: str, body: bytes) -> bool:
    expected = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), expected.encode())


def _with_and_without_port(url: str) -> list[str]:
    parts = urlsplit(url)
    if parts.port is not None:
        return [url, _replace_authority(url, parts, parts.netloc.rpartition(":")[0])]
    default = _DEFAULT_PORTS.get(parts.scheme)
    return [url, _replace_authority(url, parts, f"{parts.netloc}:{default}")] if default else [url]


def _replace_authority(url: str, parts: SplitResult, authority: str) -> str:
    # Spliced, not rebuilt: the signature covers the exact characters of the rest.
    start = len(parts.scheme) + len("://")
    return url[:start] + authority + url[start + len(parts.netloc) :]
