"""Lists of phone numbers as other systems write them: one a line, or a column of a CSV file."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from outbound_sms.cli.csv_rows import CsvRefused, detect_encoding
from outbound_sms.domain.phone import PhoneRefused, parse_phone

COLUMN = "number"

_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of the file, from 1, and what is wrong with it, which never repeats the number."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class NumberList:
    """The numbers in E.164, each once, in the order of the file; and the lines that have none."""

    numbers: list[str]
    bad: list[BadLine]


def read_numbers(path: Path, country: str | None) -> NumberList:
    """Reads a file; `country` (two letters) serves where a number has no +.

    A file whose first line has a cell `number` is CSV. Empty lines are left out. Raises CsvRefused
    for a file that is no text or no CSV.
    """
    found: dict[str, None] = {}
    bad = []
    with path.open(encoding=detect_encoding(path), newline="") as file:
        for line, raw in _cells(file):
            try:
                found[parse_phone(raw, country).e164] = None
            except PhoneRefused as error:
                bad.append(BadLine(line, error.text))
    return NumberList(list(found), bad)


def _cells(file: IO[str]) -> Iterator[tuple[int, str]]:
    """The text that is to be a number, and the line where it stands."""
    line = 1
    try:
        first = file.readline()
        file.seek(0)
        delimiter, column = _find_column(first)
        if column is None:
            for line, text in enumerate(file, 1):
                if text.strip():
                    yield line, text.strip()
            return
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        next(reader)
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells[column].strip() if column < len(cells) else ""
            line = reader.line_num + 1
    except (csv.Error, UnicodeDecodeError) as error:
        raise CsvRefused(f"Line {line} is not CSV ({error}); check its quotes.") from None


def _find_column(first: str) -> tuple[str, int | None]:
    """The delimiter and the place of the column of numbers; None for a list without columns."""
    for delimiter in _DELIMITERS:
        cells = [
            cell.strip().casefold() for cell in next(csv.reader([first], delimiter=delimiter), [])
        ]
        if COLUMN in cells:
            return delimiter, cells.index(COLUMN)
    return "", None
