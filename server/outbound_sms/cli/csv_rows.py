"""CSV exports as billing systems and spreadsheets write them, read as rows of an import.

UTF-8 with or without a byte order mark, UTF-16 with one, or Windows' Latin-1; commas, semicolons or
tabs; any line ends; quoted cells. Nothing is read into memory but the current row.
"""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from outbound_sms.cli.csv_header import Header, check_header, column_of

if TYPE_CHECKING:
    from _csv import Reader

_CHUNK = 1 << 20
_DELIMITERS = ",;\t"


class CsvRefused(ValueError):
    """The file as a whole cannot be imported. `errors` say what to do, one sentence each."""

    def __init__(self, *errors: str) -> None:
        super().__init__(" ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row: the line of the file on which it starts, from 1, and the text of each column."""

    line: int
    values: dict[str, str]


def read_header(path: Path) -> Header:
    """What the first row says, errors included. Raises CsvRefused for a file without one."""
    with _open(path) as file:
        return _read_header(file)[0]


def read_rows(path: Path) -> Iterator[CsvRow]:
    """The rows after the header; rows without any text are left out.

    A row with more cells than the header gets its further cells as columns of names that no import
    has, so that the server refuses it: its cells are shifted, and none can be trusted.

    Raises CsvRefused with all errors of the header, or for a row that is no CSV.
    """
    with _open(path) as file:
        header, reader = _read_header(file)
        if header.errors:
            raise CsvRefused(*header.errors)
        line = reader.line_num + 1
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield CsvRow(line, _values(header, cells))
                line = reader.line_num + 1
        except (csv.Error, UnicodeDecodeError) as error:
            raise CsvRefused(f"Line {line} is not CSV ({error}); check its quotes.") from None


def count_lines(path: Path) -> int:
    """How many line ends the file has, for a progress bar: at least as many as rows."""
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))


def detect_encoding(path: Path) -> str:
    """`utf-8-sig`, `utf-16` with a byte order mark, or else `cp1252`, which is Windows' Latin-1.

    A file that is valid UTF-8 from end to end is UTF-8: Latin-1 text with accents practically never
    is. Where cp1252 has no character for a byte, the encoding is `latin-1`, which has one for each.
    """
    with path.open("rb") as file:
        start = file.read(2)
        if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        for encoding in ("utf-8-sig", "cp1252"):
            file.seek(0)
            if _decodes(file, encoding):
                return encoding
    return "latin-1"


def _open(path: Path) -> IO[str]:
    return path.open(encoding=detect_encoding(path), newline="")


def _decodes(file: IO[bytes], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _read_header(file: IO[str]) -> tuple[Header, "Reader"]:
    try:
        delimiter = _find_delimiter(file)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        cells = next(reader, None)
    except (csv.Error, UnicodeDecodeError) as error:
        raise CsvRefused(f"The first line is not a header of a CSV file ({error}).") from None
    if not cells:
        raise CsvRefused("The file is empty; its first line must name the columns.")
    return check_header(cells), reader


def _find_delimiter(file: IO[str]) -> str:
    """The delimiter that makes most columns of an import out of the first line."""
    first = file.readline(_CHUNK)
    file.seek(0)

    def columns(delimiter: str) -> int:
        cells = next(csv.reader([first], delimiter=delimiter), [])
        return sum(column_of(cell) is not None for cell in cells)

    return max(_DELIMITERS, key=columns)


def _values(header: Header, cells: list[str]) -> dict[str, str]:
    values = {
        column: cell
        for column, cell in zip(header.columns, cells, strict=False)
        if column is not None
    }
    for index in range(len(header.columns), len(cells)):
        if cells[index].strip():
            values[f"cell {index + 1}"] = cells[index]
    return values
