"""Named SQL statements from `queries/<noun>.sql`, read once."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

QUERIES = Path(__file__).with_name("queries")

_HEADER = re.compile(r"^-- name:(.*)$")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class MalformedQueryFile(ValueError):
    """A query file breaks the rules of `parse`; the message names the file and the line."""


class Statements(Mapping[str, str]):
    """The statements of one noun by name. An unknown name lists those that there are."""

    def __init__(self, noun: str, statements: Mapping[str, str]) -> None:
        self._noun = noun
        self._statements = dict(statements)

    def __getitem__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            known = ", ".join(sorted(self._statements))
            raise KeyError(
                f"no statement {name!r} in {self._noun}.sql, which has: {known}"
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)


@cache
def load(noun: str, folder: Path = QUERIES) -> Statements:
    """The statements of `<noun>.sql`. Called when a module is imported, so that mistakes show then.

    Raises `FileNotFoundError` for an unknown noun and `MalformedQueryFile` for a broken file.
    """
    return Statements(noun, parse(noun, (folder / f"{noun}.sql").read_text(encoding="utf-8")))


def parse(noun: str, text: str) -> dict[str, str]:
    """Splits `text` into its statements, keyed by name.

    Each statement is headed by `-- name: snake_case`, then at least one comment line that says what
    it is for, then the SQL, which may hold comments of its own. Only comments may come before the
    first name. Every statement starts with its `-- noun.name`, which is how the server's log and
    `pg_stat_activity` tell statements apart.
    """
    found: dict[str, str] = {}
    name, start = "", 0
    body: list[str] = []
    for number, line in enumerate([*text.splitlines(), "-- name:"], start=1):
        header = _HEADER.match(line)
        if header is None:
            body.append(line)
            continue
        if name:
            found[name] = _statement(noun, name, body, start)
        elif any(_is_sql(line) for line in body):
            raise MalformedQueryFile(f"{noun}.sql has SQL before its first `-- name:`")
        name, start, body = header[1].strip(), number, []
        if number <= len(text.splitlines()):
            _check_name(noun, name, number, found)
    if not found:
        raise MalformedQueryFile(f"{noun}.sql holds no statement")
    return found


def _check_name(noun: str, name: str, line: int, found: Mapping[str, str]) -> None:
    if not _NAME.fullmatch(name):
        raise MalformedQueryFile(f"{noun}.sql:{line}: {name!r} is not a name in snake_case")
    if name in found:
        raise MalformedQueryFile(f"{noun}.sql:{line}: {name} is there twice")


def _statement(noun: str, name: str, body: list[str], line: int) -> str:
    description = body[0].removeprefix("--").strip() if body and body[0].startswith("--") else ""
    if not description:
        raise MalformedQueryFile(
            f"{noun}.sql:{line}: {name} lacks a `--` line that says what it is for"
        )
    first = next((index for index, each in enumerate(body) if _is_sql(each)), None)
    if first is None:
        raise MalformedQueryFile(f"{noun}.sql:{line}: {name} has no SQL")
    return "\n".join([f"-- {noun}.{name}", *body[first:]]).rstrip()


def _is_sql(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("--")
