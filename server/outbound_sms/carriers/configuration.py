"""Reading the carriers from a TOML file.

Each carrier is a table `[carrier.NAME]` with its `kind`; the other keys are the fields of the
configuration of that kind, such as `TwilioConfig`. Those without a default must be there. Secrets
may be sealed: see `sealed_secret`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outbound_sms.carriers import telnyx, twilio
from outbound_sms.carriers.carrier import Carrier
from outbound_sms.carriers.smpp import configuration as smpp_configuration
from outbound_sms.carriers.smpp.carrier import SmppCarrier
from outbound_sms.carriers.smpp.configuration import SmppConfig
from outbound_sms.configuration_file import (
    Check,
    ConfigurationError,
    read_call_table,
    read_toml,
)
from outbound_sms.sealing_keys import SealingKeys


class CarrierConfigurationError(ConfigurationError):
    """Everything that is wrong with the carriers' configuration, each problem with its key."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of carrier: its configuration (a dataclass with `name`), the check of each key that
    may be given, and what makes the carrier of a configuration."""

    config: type[Any]
    checks: Mapping[str, Check]
    make: Callable[[Any], Carrier]


KINDS: Mapping[str, Kind] = {
    "smpp": Kind(SmppConfig, smpp_configuration.CHECKS, SmppCarrier),
    "telnyx": Kind(telnyx.TelnyxConfig, telnyx.CHECKS, telnyx.TelnyxCarrier),
    "twilio": Kind(twilio.TwilioConfig, twilio.CHECKS, twilio.TwilioCarrier),
}


def load(path: Path, keys: SealingKeys | None = None) -> dict[str, Carrier]:
    """The carriers of a TOML file by name. Raises `CarrierConfigurationError` with all problems."""
    return parse(read_toml(path, CarrierConfigurationError), keys)


def parse(document: Mapping[str, Any], keys: SealingKeys | None = None) -> dict[str, Carrier]:
    """The carriers of a decoded document. Raises `CarrierConfigurationError` with all problems."""
    problems = [f"{key}: unknown, expected carrier.NAME" for key in document if key != "carrier"]
    tables = document.get("carrier", {})
    if not isinstance(tables, dict) or not tables:
        problems.append("carrier: define at least one [carrier.NAME]")
        tables = {}
    carriers = {}
    for name, table in tables.items():
        carrier = _carrier(name, table, keys, problems)
        if carrier is not None:
            carriers[name] = carrier
    if problems:
        raise CarrierConfigurationError(problems)
    return carriers


def _carrier(
    name: str, table: object, keys: SealingKeys | None, problems: list[str]
) -> Carrier | None:
    if not isinstance(table, dict):
        problems.append(f"carrier.{name}: must be a table")
        return None
    kind = table.get("kind")
    found = KINDS.get(kind) if isinstance(kind, str) else None
    if found is None:
        problems.append(f"carrier.{name}.kind: must be one of: {', '.join(sorted(KINDS))}")
        return None
    given = {key: value for key, value in table.items() if key != "kind"}
    values, wrong = read_call_table(given, found.config, found.checks, keys, f"carrier.{name}.")
    problems += wrong
    return None if wrong else found.make(found.config(name=name, **values))
