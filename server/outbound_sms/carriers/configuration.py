"""Reading the carriers from a TOML file.

Each carrier is a table `[carrier.NAME]` with its `kind`; the other keys of kind "twilio" are the
fields of `TwilioConfig`, of which `account_sid` and `auth_token` have no default.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from outbound_sms.carriers.carrier import Carrier
from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig
from outbound_sms.configuration_file import (
    Check,
    ConfigurationError,
    check_call_table,
    duration,
    http_url,
    read_toml,
)


class CarrierConfigurationError(ConfigurationError):
    """Everything that is wrong with the carriers' configuration, each problem with its key."""


def load(path: Path) -> dict[str, Carrier]:
    """The carriers of a TOML file by name. Raises `CarrierConfigurationError` with all problems."""
    return parse(read_toml(path, CarrierConfigurationError))


def parse(document: Mapping[str, Any]) -> dict[str, Carrier]:
    """The carriers of a decoded document. Raises `CarrierConfigurationError` with all problems."""
    problems = [f"{key}: unknown, expected carrier.NAME" for key in document if key != "carrier"]
    tables = document.get("carrier", {})
    if not isinstance(tables, dict) or not tables:
        problems.append("carrier: define at least one [carrier.NAME]")
        tables = {}
    carriers = {}
    for name, table in tables.items():
        carrier = _carrier(name, table, problems)
        if carrier is not None:
            carriers[name] = carrier
    if problems:
        raise CarrierConfigurationError(problems)
    return carriers


def _carrier(name: str, table: object, problems: list[str]) -> Carrier | None:
    if not isinstance(table, dict):
        problems.append(f"carrier.{name}: must be a table")
        return None
    kind = table.get("kind")
    build = _KINDS.get(kind) if isinstance(kind, str) else None
    if build is None:
        problems.append(f"carrier.{name}.kind: must be one of: {', '.join(sorted(_KINDS))}")
        return None
    return build(name, {key: value for key, value in table.items() if key != "kind"}, problems)


def _twilio(name: str, table: dict[str, Any], problems: list[str]) -> Carrier | None:
    found = check_call_table(table, TwilioConfig, _CHECKS, f"carrier.{name}.")
    problems += found
    return None if found else TwilioCarrier(TwilioConfig(name=name, **table))


def _text(value: object) -> str | None:
    return None if isinstance(value, str) and value.strip() else "must be a text, not empty"


def _user(value: object) -> str | None:
    if isinstance(value, str) and ":" in value:
        return "must not contain a colon"
    return _text(value)


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _count(value: object) -> str | None:
    right = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000
    return None if right else "must be a whole number from 1 to 10000"


_CHECKS: Mapping[str, Check] = {
    "account_sid": _user,
    "auth_token": _text,
    "second_auth_token": _text,
    "base_url": http_url,
    "lookup": _flag,
    "connections": _count,
    "total_timeout": duration,
    "connect_timeout": duration,
    "keepalive": duration,
}

_KINDS: Mapping[str, Callable[[str, dict[str, Any], list[str]], Carrier | None]] = {
    "twilio": _twilio
}
