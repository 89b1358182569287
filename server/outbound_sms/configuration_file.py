"""TOML files of which all mistakes are told at once."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from outbound_sms.sealed_secret import CannotOpen, is_sealed, open_sealed
from outbound_sms.sealing_keys import SealingKeys

_log = structlog.get_logger(__name__)

Check = Callable[[object], str | None]
"""Says what is wrong with a value; None when nothing is."""


class ConfigurationError(ValueError):
    """Everything that is wrong with a configuration, each problem with its key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def read_toml(path: Path, error: type[ConfigurationError]) -> dict[str, Any]:
    """The document in a file. Raises `error` when it cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise error([f"{path}: cannot be read: {cause.strerror}"]) from cause
    except ValueError as cause:
        raise error([f"{path}: is not TOML: {cause}"]) from cause


def secret_keys(config: type[Any]) -> frozenset[str]:
    """The fields of a configuration that are secrets: those that its repr leaves out."""
    return frozenset(field.name for field in fields(config) if not field.repr)


def read_call_table(
    table: Mapping[str, Any],
    config: type[Any],
    checks: Mapping[str, Check],
    keys: SealingKeys | None,
    prefix: str = "",
) -> tuple[dict[str, Any], list[str]]:
    """The values of a table with its sealed secrets opened, and what is wrong with them.

    Parameters as of `check_call_table`, which checks what was opened. The name that a secret must
    have been sealed for is `prefix` and its key. One that is written plainly is taken, with a
    warning in the log.
    """
    values, problems, unopened = {}, [], set()
    for key, value in table.items():
        try:
            values[key] = _open(f"{prefix}{key}", value, key in secret_keys(config), keys)
        except CannotOpen as error:
            problems.append(f"{prefix}{key}: {error}")
            unopened.add(key)
    known = {key: check for key, check in checks.items() if key not in unopened}
    return values, problems + check_call_table(values, config, known, prefix)


def _open(name: str, value: object, secret: bool, keys: SealingKeys | None) -> object:
    if not isinstance(value, str):
        return value
    if not is_sealed(value):
        if secret and value:
            hint = f"put what `outbound-sms admin seal {name}` prints in its place"
            _log.warning("plain secret", key=name, hint=hint)
        return value
    if not secret:
        raise CannotOpen("is no secret, so it cannot be sealed; write it as it is")
    return open_sealed(keys, name, value)


def check_call_table(
    table: Mapping[str, Any], config: type[Any], checks: Mapping[str, Check], prefix: str = ""
) -> list[str]:
    """What is wrong with a table that says how to reach a carrier or a gateway.

    `config`: the dataclass of which the table gives the fields that `checks` has, among them
    `total_timeout` and `connect_timeout`, and `response_timeout` where a call is more than its
    answer; one without a default must be there. `prefix` goes before each key.
    """
    problems = [f"{prefix}{key}: unknown key" for key in table if key not in checks]
    defaults = {field.name: field.default for field in fields(config)}
    for key, check in checks.items():
        if key in table:
            problem = check(table[key])
            if problem:
                problems.append(f"{prefix}{key}: {problem}")
        elif defaults[key] is MISSING:
            problems.append(f"{prefix}{key}: is missing")
    if problems:
        return problems
    times = {**defaults, **table}
    # A call that timed out as a whole while it connects would look like one that was sent, and one
    # whose answer may take all the time has none left in which to be written.
    return [
        f"{prefix}{key}: must be less than total_timeout"
        for key in ("connect_timeout", "response_timeout")
        if key in times and times[key] >= times["total_timeout"]
    ]


def duration(value: object) -> str | None:
    """A time-out or the like, in seconds."""
    right = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 300
    return None if right else "must be a number of seconds, more than 0 and at most 300"


def http_url(value: object) -> str | None:
    """The address of an HTTP server."""
    expected = "must be like https://HOST or https://HOST:PORT, without query or user"
    if not isinstance(value, str):
        return expected
    try:
        parts = urlsplit(value)
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return expected
    user = parts.username is not None
    return expected if not right or parts.query or parts.fragment or user else None


def text(value: object) -> str | None:
    """A name, a secret, an id."""
    return None if isinstance(value, str) and value.strip() else "must be a text, not empty"


def flag(value: object) -> str | None:
    """A switch."""
    return None if isinstance(value, bool) else "must be true or false"


def count(value: object) -> str | None:
    """How many of something."""
    right = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000
    return None if right else "must be a whole number from 1 to 10000"
