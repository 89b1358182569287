"""Reading the carriers from a TOML file.

Each carrier is a table `[carrier.NAME]` with its `kind`; the other keys of kind "twilio" are the
fields of `TwilioConfig`, of which `account_sid` and `auth_token` have no default.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from outbound_sms.carriers.carrier import Carrier
from outbound_sms.carriers.twilio import TwilioCarrier, TwilioConfig


class CarrierConfigurationError(ValueError):
    """Everything that is wrong with the carriers' configuration, each problem with its key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def load(path: Path) -> dict[str, Carrier]:
    """The carriers of a TOML file by name. Raises `CarrierConfigurationError` with all problems."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CarrierConfigurationError([f"{path}: cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise CarrierConfigurationError([f"{path}: is not TOML: {error}"]) from error
    return parse(document)


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
    before = len(problems)
    known = {f.name: f for f in fields(TwilioConfig) if f.name != "name"}
    for key in table.keys() - known.keys():
        problems.append(f"carrier.{name}.{key}: unknown key")
    for key, definition in known.items():
        if key in table:
            problem = _CHECKS[key](table[key])
            if problem:
                problems.append(f"carrier.{name}.{key}: {problem}")
        elif definition.default is MISSING:
            problems.append(f"carrier.{name}.{key}: is missing")
    if len(problems) > before:
        return None
    config = TwilioConfig(name=name, **table)
    if config.connect_timeout >= config.total_timeout:
        # A call that times out as a whole while it connects could not be told from one in doubt.
        problems.append(f"carrier.{name}.connect_timeout: must be less than total_timeout")
        return None
    return TwilioCarrier(config)


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


def _duration(value: object) -> str | None:
    right = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 300
    return None if right else "must be a number of seconds, more than 0 and at most 300"


def _http_url(value: object) -> str | None:
    expected = "must be like https://HOST or https://HOST:PORT, without query or user"
    if not isinstance(value, str):
        return expected
    try:
        parts = urlsplit(value)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return expected
    return expected if not right or parts.query or parts.fragment or parts.username else None


_CHECKS: Mapping[str, Callable[[object], str | None]] = {
    "account_sid": _user,
    "auth_token": _text,
    "second_auth_token": _text,
    "base_url": _http_url,
    "lookup": _flag,
    "connections": _count,
    "total_timeout": _duration,
    "connect_timeout": _duration,
    "keepalive": _duration,
}

_KINDS: Mapping[str, Callable[[str, dict[str, Any], list[str]], Carrier | None]] = {
    "twilio": _twilio
}
