"""TOML files of which all mistakes are told at once."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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


def check_call_table(
    table: Mapping[str, Any], config: type[Any], checks: Mapping[str, Check], prefix: str = ""
) -> list[str]:
    """What is wrong with a table that says how to reach a carrier or a gateway.

    `config`: the dataclass of which the table gives the fields that `checks` has, among them
    `total_timeout` and `connect_timeout`; one without a default must be there. `prefix` goes
    before each key.
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
    if times["connect_timeout"] >= times["total_timeout"]:
        # A call that timed out as a whole while it connects would look like one that was sent.
        return [f"{prefix}connect_timeout: must be less than total_timeout"]
    return []


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
