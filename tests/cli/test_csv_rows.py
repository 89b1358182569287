"""CSV files as they really are."""

from pathlib import Path

import pytest

from outbound_sms.cli.csv_header import check_header
from outbound_sms.cli.csv_rows import (
    CsvRefused,
    CsvRow,
    count_lines,
    detect_encoding,
    read_header,
    read_rows,
)

TEXT = 'Account #,Account Name,Phone\r\nA1,"Côté, Zoé",2125550101\r\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


@pytest.mark.parametrize(
    ("encoding", "detected"),
    [
        ("utf-8", "utf-8-sig"),
        ("utf-8-sig", "utf-8-sig"),
        ("latin-1", "cp1252"),
        ("utf-16", "utf-16"),
    ],
)
def test_the_encoding_is_found(path: Path, encoding: str, detected: str) -> None:
    path.write_bytes(TEXT.encode(encoding))
    assert detect_encoding(path) == detected
    [row] = read_rows(path)
    assert row == CsvRow(
        2,
        {"account_number": "A1", "account_name": "Côté, Zoé", "phone_number": "2125550101"},
    )


def test_bytes_that_windows_has_no_character_for_are_latin_1(path: Path) -> None:
    path.write_bytes(b"account number,account name\nA1,a\x81\xe9\n")
    assert detect_encoding(path) == "latin-1"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_found(path: Path, delimiter: str, end: str) -> None:
    cells = [["ACCOUNT_NUMBER", "account name"], ["A1", "Ada"], ["", ""], ["A2", "Zoé"]]
    path.write_bytes("".join(delimiter.join(row) + end for row in cells).encode())
    assert [(row.line, row.values["account_name"]) for row in read_rows(path)] == [
        (2, "Ada"),
        (4, "Zoé"),
    ]


def test_lines_are_counted_over_cells_with_line_ends(path: Path) -> None:
    path.write_text('account number,account name\nA1,"two\nlines"\nA2,x\n')
    assert [row.line for row in read_rows(path)] == [2, 4]
    assert count_lines(path) == 4


def test_missing_columns_are_an_error_that_names_them(path: Path) -> None:
    path.write_text("Phone,Notes\n1,2\n")
    header = read_header(path)
    assert len(header.errors) == 2
    assert "account_number" in header.errors[0]
    assert "account_name" in header.errors[1]
    assert header.warnings == ("The column 'Notes' is not one of an import and is left out.",)
    with pytest.raises(CsvRefused) as caught:
        list(read_rows(path))
    assert caught.value.errors == header.errors


def test_two_columns_of_one_meaning_are_an_error() -> None:
    header = check_header(["Account #", "Account Name", "Phone", "Mobile"])
    assert "'Phone' and 'Mobile'" in header.errors[0]


def test_an_unknown_column_is_left_out(path: Path) -> None:
    path.write_text("account #,notes,account name\nA1,secret,Ada\n")
    [row] = read_rows(path)
    assert row.values == {"account_number": "A1", "account_name": "Ada"}


def test_a_short_row_lacks_its_last_columns_and_a_long_one_is_given_away(path: Path) -> None:
    path.write_text("account #,account name,phone\nA1,Ada\nA2,Ada,1,2\n")
    short, long = read_rows(path)
    assert "phone_number" not in short.values
    assert long.values["cell 4"] == "2"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00"])
def test_a_file_without_a_header_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(CsvRefused):
        read_header(path)


def test_an_open_quote_is_refused_with_its_line(path: Path) -> None:
    path.write_text('account #,account name\nA1,Ada\nA2,"Zoé\nA3,Max\n')
    with pytest.raises(CsvRefused, match="Line 3"):
        list(read_rows(path))


def test_a_huge_cell_is_refused(path: Path) -> None:
    path.write_text("account #,account name\nA1," + "x" * 200_000 + "\n")
    with pytest.raises(CsvRefused, match="Line 2"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("cell", "column"),
    [
        ("Account #", "account_number"),
        ("ACCOUNT_NAME", "account_name"),
        ("Numéro de compte", "account_number"),
        ("SMS Opt In", "sms_opt_in"),
        ("sms-opt-in", "sms_opt_in"),
        ("Téléphone", "phone_number"),
        ("E-mail", "contact_email"),
        ("IP Pools", "ip_pools"),
        ("Region", "region"),
        ("State/Province", "region"),
        ("Time Zone", "contact_time_zone"),
        ("Balance", None),
        ("", None),
    ],
)
def test_headers_are_matched_as_people_write_them(cell: str, column: str | None) -> None:
    assert check_header([cell]).columns == (column,)
