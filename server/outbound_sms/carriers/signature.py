"""The signature of Twilio-compatible webhooks.

base64(HMAC-SHA1(auth token, URL + name and value of each parameter in sorted order)); a JSON body
is covered by its SHA-256 in the query parameter `bodySHA256` and only the URL is signed.
Source: Twilio, "Webhooks security", and the RequestValidator of its Python library.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import SplitResult, parse_qs, urlsplit

from outbound_sms.carriers.carrier import Form, Pairs

HEADER = "X-Twilio-Signature"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def sign(auth_token: str, url: str, pairs: Iterable[tuple[str, str]] = ()) -> str:
    """The signature of a callback to `url` with these form fields.

    A field and value that occur twice are signed once, as Twilio does it.
    """
    signed = url + "".join([name + value for name, value in sorted(set(pairs))])
    return base64.b64encode(hmac.digest(auth_token.encode(), signed.encode(), "sha1")).decode()


def verify(auth_tokens: Sequence[str], url: str, form: Form | bytes, signature: str) -> bool:
    """True when `signature` was made with one of the tokens. Never raises for hostile input.

    Several tokens are accepted so that a token can be rotated without losing receipts. The URL is
    tried with and without its port, because carriers differ in what they sign.
    """
    try:
        candidates = _with_and_without_port(url)
        given = signature.encode("ascii")
        pairs = () if isinstance(form, bytes) else as_pairs(form)
        body_is_signed = not isinstance(form, bytes) or _body_matches(url, form)
        # Every comparison is made, whatever the earlier ones said, so that time tells nothing.
        matches = [
            hmac.compare_digest(sign(token, candidate, pairs).encode(), given)
            for token in auth_tokens
            for candidate in candidates
        ]
    except ValueError:
        return False
    return any(matches) and body_is_signed


def as_pairs(form: Form) -> Pairs:
    """The fields of a form in their order, a repeated name once for each of its values."""
    return list(form.items()) if isinstance(form, Mapping) else form


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
