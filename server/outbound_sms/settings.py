"""What the operator of a server sets, from environment variables. Nothing else reads them.

`describe` lists all of them with their meaning and default.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from outbound_sms.dispatch.settings import DispatchSettings
from outbound_sms.rpc.limits import Limits

_LIMITS = Limits()
_DISPATCH = DispatchSettings()
ROLES = frozenset({"api", "dispatcher", "webhooks"})
SEALING_KEYS = "OUTBOUND_SMS_SEALING_KEYS"
LOG_LEVELS = frozenset({"DEBUG", "INFO", "WARNING", "ERROR"})


class SettingsError(ValueError):
    """Everything that is wrong with the environment, each problem with the name of its variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One server process. Times in seconds. `database_url` None: not said."""

    database_url: str | None = None
    listen: str = "127.0.0.1:50051"
    http_listen: str = "127.0.0.1:8080"
    public_url: str = "http://127.0.0.1:8080"
    carriers_file: Path | None = None
    payments_file: Path | None = None
    sealing_keys_file: Path | None = None
    roles: frozenset[str] = ROLES
    processes: int = 1
    api_connections: int = 10
    dispatcher_connections: int = 10
    unary_limit: int = _LIMITS.unary
    unary_limit_per_instance: int = _LIMITS.unary_per_instance
    stream_limit: int = _LIMITS.streams
    stream_limit_per_instance: int = _LIMITS.streams_per_instance
    reflection: bool = True
    log_level: str = "INFO"
    drain_wait: float = 5.0
    drain_grace: float = 20.0
    lease: float = _DISPATCH.lease
    look_up_after: tuple[float, ...] = _DISPATCH.look_up_after
    doubt_limit: float = _DISPATCH.doubt_limit

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings; empty variables count as unset. Raises SettingsError with all problems."""
        values: dict[str, Any] = {}
        problems = []
        for variable in VARIABLES:
            text = environment.get(variable.name, "").strip()
            if not text:
                continue
            try:
                values[variable.field] = variable.parse(text)
            except ValueError as error:
                problems.append(f"{variable.name} {error}")
        if problems:
            raise SettingsError(problems)
        return cls(**values)

    def dispatch(self) -> DispatchSettings:
        """The limits of the dispatcher; a call gets a third of the lease, 15 seconds at most."""
        return DispatchSettings(
            lease=self.lease,
            call=min(_DISPATCH.call, self.lease / 3),
            call_margin=min(_DISPATCH.call_margin, self.lease / 6),
            rescue_interval=min(_DISPATCH.rescue_interval, self.lease / 6),
            look_up_after=self.look_up_after,
            doubt_limit=self.doubt_limit,
        )

    def limits(self) -> Limits:
        """The limits of the edge."""
        return Limits(
            unary=self.unary_limit,
            unary_per_instance=self.unary_limit_per_instance,
            streams=self.stream_limit,
            streams_per_instance=self.stream_limit_per_instance,
        )


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable, the field that it sets, and how its text is read."""

    name: str
    field: str
    parse: Callable[[str], Any]
    meaning: str


def describe() -> str:
    """Every variable on a line: its name, its meaning, its default."""
    defaults = Settings()
    lines = []
    for variable in VARIABLES:
        default = getattr(defaults, variable.field)
        shown = ",".join(sorted(default)) if isinstance(default, frozenset) else default
        lines.append(f"{variable.name}: {variable.meaning} Default: {_shown(shown)}.")
    return "\n".join(lines)


def _shown(default: object) -> str:
    if default is None:
        return "none"
    if isinstance(default, tuple):
        return ",".join(f"{each:g}" for each in default)
    return str(int(default)) if isinstance(default, bool) else str(default)


def _address(text: str) -> str:
    host, separator, port = text.rpartition(":")
    if not (separator and host and port.isascii() and port.isdigit() and int(port) < 65_536):
        raise ValueError("must be HOST:PORT, such as 0.0.0.0:50051; port 0 takes a free one")
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://sms.example.net, without a query")
    return text.rstrip("/")


def _database(text: str) -> str:
    if urlsplit(text).scheme not in ("postgres", "postgresql"):
        raise ValueError("must start with postgresql://")
    return text


def _roles(text: str) -> frozenset[str]:
    roles = frozenset(each.strip() for each in text.split(",") if each.strip())
    if not roles or roles - ROLES:
        raise ValueError(f"must list some of: {', '.join(sorted(ROLES))}")
    return roles


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:8]) <= 100_000):
        raise ValueError("must be a whole number from 1 to 100000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3_600:
        raise ValueError("must be seconds from 0 to 3600")
    return seconds


def _lease(text: str) -> float:
    seconds = _seconds(text)
    if seconds < 3:
        raise ValueError("must be seconds from 3 to 3600")
    return seconds


def _ages(text: str) -> tuple[float, ...]:
    try:
        ages = tuple(_seconds(each) for each in text.split(","))
    except ValueError:
        ages = (0.0,)
    if ages[0] <= 0 or list(ages) != sorted(set(ages)):
        raise ValueError("must list growing seconds, such as 5,30,120")
    return ages


def _switch(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def _level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"must be one of: {', '.join(sorted(LOG_LEVELS))}")
    return text.upper()


VARIABLES = (
    Variable(
        "DATABASE_URL",
        "database_url",
        _database,
        "PostgreSQL 15 or newer, as postgresql://USER:PASSWORD@HOST/DATABASE. Required by `serve`; "
        "`run` and `demo` bring one along where it is unset.",
    ),
    Variable("OUTBOUND_SMS_LISTEN", "listen", _address, "Address for gRPC."),
    Variable(
        "OUTBOUND_SMS_HTTP_LISTEN",
        "http_listen",
        _address,
        "Address for carriers' receipts and for /metrics.",
    ),
    Variable(
        "OUTBOUND_SMS_PUBLIC_URL",
        "public_url",
        _url,
        "Where carriers reach the address above; what they sign is this text.",
    ),
    Variable(
        "OUTBOUND_SMS_CARRIERS", "carriers_file", Path, "TOML file with the carriers to send with."
    ),
    Variable(
        "OUTBOUND_SMS_PAYMENTS",
        "payments_file",
        Path,
        "TOML file with the payment gateway that charges top-ups. For every process: those of the "
        "API refuse top-ups without it.",
    ),
    Variable(
        SEALING_KEYS,
        "sealing_keys_file",
        Path,
        "File with the keys that open sealed secrets in the two files above; "
        "`admin make-sealing-key` makes it. Only its owner may read it.",
    ),
    Variable("OUTBOUND_SMS_ROLES", "roles", _roles, "What this server does, with commas between."),
    Variable("OUTBOUND_SMS_PROCESSES", "processes", _count, "Server processes on the same port."),
    Variable(
        "OUTBOUND_SMS_API_CONNECTIONS",
        "api_connections",
        _count,
        "Most database connections of a process for calls.",
    ),
    Variable(
        "OUTBOUND_SMS_DISPATCHER_CONNECTIONS",
        "dispatcher_connections",
        _count,
        "Most database connections of a process for sending.",
    ),
    Variable("OUTBOUND_SMS_UNARY_LIMIT", "unary_limit", _count, "Most unary calls at once."),
    Variable(
        "OUTBOUND_SMS_UNARY_LIMIT_PER_INSTANCE",
        "unary_limit_per_instance",
        _count,
        "Most unary calls of one instance at once.",
    ),
    Variable("OUTBOUND_SMS_STREAM_LIMIT", "stream_limit", _count, "Most open streams."),
    Variable(
        "OUTBOUND_SMS_STREAM_LIMIT_PER_INSTANCE",
        "stream_limit_per_instance",
        _count,
        "Most open streams of one instance.",
    ),
    Variable(
        "OUTBOUND_SMS_REFLECTION",
        "reflection",
        _switch,
        "Whether clients such as grpcurl may ask for the contract.",
    ),
    Variable("OUTBOUND_SMS_LOG_LEVEL", "log_level", _level, "Least level that is logged."),
    Variable(
        "OUTBOUND_SMS_DRAIN_WAIT",
        "drain_wait",
        _seconds,
        "Seconds from saying NOT_SERVING to closing, for load balancers.",
    ),
    Variable(
        "OUTBOUND_SMS_DRAIN_GRACE",
        "drain_grace",
        _seconds,
        "Seconds that open calls have to end when the server stops.",
    ),
    Variable(
        "OUTBOUND_SMS_LEASE",
        "lease",
        _lease,
        "Seconds for which a message belongs to a dispatcher. One that was killed holds up its "
        "messages that long. A carrier's answer may take a third of it, 15 seconds at most.",
    ),
    Variable(
        "OUTBOUND_SMS_LOOK_UP_AFTER",
        "look_up_after",
        _ages,
        "Seconds after which a carrier is asked about a message whose answer is missing. Not found "
        "the last time: it is sent again.",
    ),
    Variable(
        "OUTBOUND_SMS_DOUBT_LIMIT",
        "doubt_limit",
        _seconds,
        "Seconds after which a missing answer is final: the message fails and is not sent again.",
    ),
)
