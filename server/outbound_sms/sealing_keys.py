"""The keys that open sealed secrets, and the file that holds them.

One key a line, its id and 32 bytes in base64: `2026-11-23-3f9a BASE64`. The first one seals, all of
them open, so a key is replaced by a new one in front of it. Empty lines and those that begin with #
are skipped.
"""

import base64
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

KEY_BYTES = 32
KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_READABLE_BY_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SealingKeysError(ValueError):
    """Everything that is wrong with the sealing keys, each problem with what to do about it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class SealingKeys:
    """Keys of AES-256 by id; `sealing` is the id of the one that seals."""

    sealing: str
    keys: Mapping[str, bytes] = field(repr=False)


def read_sealing_keys(file: Path) -> SealingKeys:
    """The keys of a file. Raises SealingKeysError, also when others than its owner may read it."""
    try:
        with file.open(encoding="ascii", errors="replace") as opened:
            # Of the file that was opened, which another name may stand for by now.
            mode = os.fstat(opened.fileno()).st_mode
            if mode & _READABLE_BY_OTHERS:
                raise SealingKeysError([f"{file}: others may read it: run `chmod 600 {file}`"])
            lines = opened.read().splitlines()
    except OSError as error:
        raise SealingKeysError([f"{file}: cannot be read: {error.strerror}"]) from error
    return _parse(file, lines)


def make_key_line(now: datetime) -> tuple[str, str]:
    """A new key: its id, which tells the day of `now`, and its line for the file."""
    key_id = f"{now:%Y-%m-%d}-{secrets.token_hex(2)}"
    return key_id, f"{key_id} {base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def add_key_line(file: Path, line: str) -> None:
    """Puts a key in front of the others of a file, so that it seals from now on; makes the file,
    which only its owner can read. Raises SealingKeysError when the file that is there is wrong,
    OSError when it cannot be written. A crash leaves the old file or the new one.
    """
    before = ""
    if file.exists():
        read_sealing_keys(file)
        before = file.read_text(encoding="ascii")
    part = file.with_name(file.name + ".new")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(f"{line}\n{before}")
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


def _parse(file: Path, lines: list[str]) -> SealingKeys:
    problems: list[str] = []
    keys: dict[str, bytes] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key_id, _, text = line.strip().partition(" ")
        key = _decode(text.strip())
        if not KEY_ID.fullmatch(key_id) or key is None:
            problems.append(
                f"{file}: line {number} must be a key id, a space and {KEY_BYTES} bytes in base64, "
                "as `outbound-sms admin make-sealing-key` prints it"
            )
        elif key_id in keys:
            problems.append(f"{file}: line {number} has the id {key_id} of an earlier line")
        else:
            keys[key_id] = key
    if not keys and not problems:
        problems.append(
            f"{file}: has no key; `outbound-sms admin make-sealing-key --file {file}` makes one"
        )
    if problems:
        raise SealingKeysError(problems)
    return SealingKeys(next(iter(keys)), keys)


def _decode(text: str) -> bytes | None:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None
