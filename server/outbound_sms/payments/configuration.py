"""Reading the payment gateway from a TOML file.

`kind` says which gateway; the other keys of kind "stripe" are the fields of `StripeConfig`, of
which `api_key` has no default:

    kind = "stripe"
    api_key = "sk_live_..."
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from outbound_sms.payments.gateway import PaymentGateway
from outbound_sms.payments.stripe import StripeConfig, StripeGateway


class PaymentConfigurationError(ValueError):
    """Everything that is wrong with the gateway's configuration, each problem with its key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def load(path: Path) -> PaymentGateway:
    """The gateway of a TOML file. Raises `PaymentConfigurationError` with all problems."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PaymentConfigurationError([f"{path}: cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise PaymentConfigurationError([f"{path}: is not TOML: {error}"]) from error
    return parse(document)


def parse(document: Mapping[str, Any]) -> PaymentGateway:
    """The gateway of a decoded document. Raises `PaymentConfigurationError` with all problems."""
    kind = document.get("kind")
    build = _KINDS.get(kind) if isinstance(kind, str) else None
    if build is None:
        raise PaymentConfigurationError([f"kind: must be one of: {', '.join(sorted(_KINDS))}"])
    return build({key: value for key, value in document.items() if key != "kind"})


def _stripe(table: dict[str, Any]) -> PaymentGateway:
    known = {f.name: f for f in fields(StripeConfig)}
    problems = [f"{key}: unknown key" for key in table if key not in known]
    for key, definition in known.items():
        if key in table:
            problem = _CHECKS[key](table[key])
            if problem:
                problems.append(f"{key}: {problem}")
        elif definition.default is MISSING:
            problems.append(f"{key}: is missing")
    if not problems:
        config = StripeConfig(**table)
        if config.connect_timeout < config.total_timeout:
            return StripeGateway(config)
        # A call that timed out as a whole while it connects would look like one that charged.
        problems.append("connect_timeout: must be less than total_timeout")
    raise PaymentConfigurationError(problems)


def _secret(value: object) -> str | None:
    right = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value
    return None if right and value else "must be a key such as sk_live_..., without spaces"


def _duration(value: object) -> str | None:
    right = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 300
    return None if right else "must be a number of seconds, more than 0 and at most 300"


def _guarded_url(value: object) -> str | None:
    """An API key may travel in the clear on this machine only."""
    expected = "must be like https://HOST or https://HOST:PORT, without query or user"
    if not isinstance(value, str):
        return expected
    try:
        parts = urlsplit(value)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return expected
    if not right or parts.query or parts.fragment or parts.username is not None:
        return expected
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        return "must begin with https://, except for an address of this machine"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_CHECKS: Mapping[str, Callable[[object], str | None]] = {
    "api_key": _secret,
    "base_url": _guarded_url,
    "total_timeout": _duration,
    "connect_timeout": _duration,
    "keepalive": _duration,
}

_KINDS: Mapping[str, Callable[[dict[str, Any]], PaymentGateway]] = {"stripe": _stripe}
