"""The example ISP: the script makes the committed files, and they import as they should."""

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from outbound_sms.cli.csv_rows import read_header, read_rows
from outbound_sms.domain.phone import parse_phone
from outbound_sms.store.pool import Pool
from outboundsms.v1 import (
    contacts_pb2,
    directory_pb2,
    settings_pb2,
    signatures_pb2,
    triggers_pb2,
)
from tests.services.directory_calls import import_rows, make_company, make_type, refusals, written
from tests.services.running import Stubs

EXAMPLES = Path(__file__).parents[2] / "examples"
NORTHWIND = EXAMPLES / "northwind"
SUBSCRIBERS = NORTHWIND / "subscribers.csv"
LATIN_1 = NORTHWIND / "latin1.csv"


@pytest.fixture
async def isp(stub: Stubs) -> Stubs:
    await make_company(stub, "Northwind Fiber")
    await make_company(stub, "Fibre Boréale", country="CA", is_default=False)
    await make_type(stub)
    await make_type(stub, "Landline", sms_capable=False)
    return stub


def requests(path: Path) -> list[list[directory_pb2.ImportRow]]:
    """The rows of a file in requests of 1,000."""
    rows = [directory_pb2.ImportRow(line=row.line, values=row.values) for row in read_rows(path)]
    return [rows[start : start + 1_000] for start in range(0, len(rows), 1_000)]


def test_the_script_makes_the_committed_files(tmp_path: Path) -> None:
    script = EXAMPLES / "make_example_isp.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, timeout=60)
    for path in (SUBSCRIBERS, LATIN_1):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_the_file_is_small_and_every_number_belongs_to_nobody() -> None:
    assert SUBSCRIBERS.stat().st_size < 1_500_000
    fictional = re.compile(r"\+1\d{3}55501\d\d")
    numbers = Counter[str]()
    for row in read_rows(SUBSCRIBERS):
        try:
            number = parse_phone(row.values["phone_number"], "US")
        except ValueError:
            continue
        assert fictional.fullmatch(number.e164)
        numbers[number.country] += 1
    assert set(numbers) == {"US", "CA"}


def test_what_the_demo_sets_up_is_of_the_contract() -> None:
    plan = json.loads((NORTHWIND / "instance.json").read_text("utf-8"))
    messages: dict[str, Any] = {
        "companies": directory_pb2.Company,
        "phone_number_types": contacts_pb2.PhoneNumberType,
        "message_categories": contacts_pb2.MessageCategory,
        "sending_numbers": settings_pb2.SendingNumber,
        "triggered_messages": triggers_pb2.TriggeredMessage,
    }
    ParseDict(plan.pop("settings"), settings_pb2.SmsSettings())
    for name, message in messages.items():
        for each in plan.pop(name):
            ParseDict(each, message())
    departments = set()
    for department in plan.pop("departments"):
        departments.add(department["name"])
        for answer in department["answers"]:
            answer.pop("company")
            ParseDict(answer, directory_pb2.CompanyDepartment())
    for signature in plan.pop("signatures"):
        assert signature.pop("department") in departments
        ParseDict(signature, signatures_pb2.Signature())
    assert plan == {}


async def test_the_example_imports_but_for_its_wrong_rows_and_only_once(
    isp: Stubs, pool: Pool
) -> None:
    assert (read_header(SUBSCRIBERS).errors, read_header(SUBSCRIBERS).warnings) == ((), ())
    sent = requests(SUBSCRIBERS)
    first = await import_rows(isp, *sent)
    wrong = [refusal for answer in first for refusal in refusals(answer)]
    assert len(wrong) == len({line for line, _ in wrong}) == 25
    assert len({column for _, column in wrong}) == 14
    assert sum(answer.accepted for answer in first) + 25 == sum(map(len, sent))
    assert sum(answer.accounts_created for answer in first) == 5_000
    contacts = sum(answer.contacts_created for answer in first)
    assert 7_300 < contacts < 7_700
    assert await pool.fetchval("SELECT count(*) FROM network_site") == 6
    again = await import_rows(isp, *sent)
    assert [refusal for answer in again for refusal in refusals(answer)] == wrong
    assert all(written(answer) == {} for answer in again)


async def test_a_latin_1_file_with_windows_line_ends_keeps_its_accents(
    isp: Stubs, pool: Pool
) -> None:
    [answer] = await import_rows(isp, *requests(LATIN_1))
    assert (answer.accepted, refusals(answer)) == (40, [])
    with LATIN_1.open(encoding="latin-1", newline="") as file:
        names = {row["Account Name"] for row in csv.DictReader(file)}
    stored = {found["name"] for found in await pool.fetch("SELECT name FROM account")}
    assert stored == names
    assert all(name.endswith(", Québec") for name in stored)
