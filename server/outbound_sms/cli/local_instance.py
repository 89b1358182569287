"""The instance that `run` and `demo` use, and its key, which is kept between runs."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from outbound_sms.domain.api_key import parse_key
from outbound_sms.domain.instance import InstanceValues
from outbound_sms.store import api_keys, instances, sending_limits

NAME = "Local"
TIME_ZONE = "America/New_York"
# Whoever tries things out texts the same few subscribers again and again.
_NO_LIMITS = {"messages_per_number_per_day": 0, "surge_multiple": 0}


@dataclass(frozen=True, slots=True)
class LocalInstance:
    """An instance and a super-admin's key of it."""

    instance_id: str
    api_key: str


def key_file(folder: Path, database_url: str | None) -> Path:
    """Where the key is kept: a file for each database, so that changing databases loses none."""
    if database_url is None:
        return folder / "instance.json"
    name = hashlib.sha256(database_url.encode()).hexdigest()[:12]
    return folder / f"instance-{name}.json"


async def local_instance(connection: asyncpg.Connection, file: Path) -> LocalInstance:
    """The instance whose key the file holds, or a new one when the database does not know it."""
    kept = _read(file)
    if kept is not None and await _is_valid(connection, kept.api_key):
        return kept
    instance, key = await instances.create_instance_with_key(
        connection,
        InstanceValues(name=NAME, country="US", currency="USD", time_zone=TIME_ZONE),
    )
    await sending_limits.update_sending_limits(connection, instance.id, None, _NO_LIMITS)
    made = LocalInstance(str(instance.id), key)
    write_private(file, {"instance_id": made.instance_id, "api_key": made.api_key})
    return made


def write_private(file: Path, values: dict[str, str]) -> None:
    """Writes JSON that only this user can read; a crash leaves the old file or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".new")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(values, out)
    part.replace(file)


def _read(file: Path) -> LocalInstance | None:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return LocalInstance(kept["instance_id"], kept["api_key"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


async def _is_valid(connection: asyncpg.Connection, api_key: str) -> bool:
    given = parse_key(api_key)
    stored = await api_keys.find_key(connection, given.lookup_id) if given is not None else None
    return (
        given is not None
        and stored is not None
        and stored.revoke_time is None
        and given.matches(stored.secret_hash)
    )
