"""Reading the payment gateway from a TOML file.

`kind` says which gateway; the other keys of kind "stripe" are the fields of `StripeConfig`, of
which `api_key` has no default:

    kind = "stripe"
    api_key = "sk_live_..."

The key may be sealed: see `sealed_secret`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from outbound_sms.configuration_file import (
    Check,
    ConfigurationError,
    duration,
    http_url,
    read_call_table,
    read_toml,
)
from outbound_sms.payments.gateway import PaymentGateway
from outbound_sms.payments.stripe import StripeConfig, StripeGateway
from outbound_sms.sealing_keys import SealingKeys


class PaymentConfigurationError(ConfigurationError):
    """Everything that is wrong with the gateway's configuration, each problem with its key."""


def load(path: Path, keys: SealingKeys | None = None) -> PaymentGateway:
    """The gateway of a TOML file. Raises `PaymentConfigurationError` with all problems."""
    return parse(read_toml(path, PaymentConfigurationError), keys)


def parse(document: Mapping[str, Any], keys: SealingKeys | None = None) -> PaymentGateway:
    """The gateway of a decoded document. Raises `PaymentConfigurationError` with all problems."""
    kind = document.get("kind")
    found = KINDS.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise PaymentConfigurationError([f"kind: must be one of: {', '.join(sorted(KINDS))}"])
    given = {key: value for key, value in document.items() if key != "kind"}
    values, problems = read_call_table(given, found.config, found.checks, keys)
    if problems:
        raise PaymentConfigurationError(problems)
    return found.make(found.config(**values))


def _secret(value: object) -> str | None:
    right = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value
    return None if right and value else "must be a key such as sk_live_..., without spaces"


def _guarded_url(value: object) -> str | None:
    """An API key may travel in the clear on this machine only."""
    problem = http_url(value)
    if problem is not None:
        return problem
    parts = urlsplit(str(value))
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        return "must begin with https://, except for an address of this machine"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_CHECKS: Mapping[str, Check] = {
    "api_key": _secret,
    "base_url": _guarded_url,
    "total_timeout": duration,
    "connect_timeout": duration,
    "keepalive": duration,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of gateway: its configuration, the check of each key that may be given, and what makes
    the gateway of a configuration."""

    config: type[Any]
    checks: Mapping[str, Check]
    make: Callable[[Any], PaymentGateway]


KINDS: Mapping[str, Kind] = {"stripe": Kind(StripeConfig, _CHECKS, StripeGateway)}
