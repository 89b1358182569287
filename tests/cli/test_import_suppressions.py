"""`outbound-sms admin import-suppressions` on a database."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from outbound_sms.cli.admin import import_suppressions as module
from outbound_sms.cli.admin.command import admin
from outbound_sms.cli.number_list import read_numbers
from outbound_sms.store.pool import Pool
from tests.factories import Isp, add_account, add_contact, add_number, make_isp

FIRST, SECOND, THIRD = "+12125550101", "+14165550123", "+13035550177"
IMPORT, OPT_OUT = 7, 2


async def run(database: str, *arguments: str) -> Result:
    """How the command ends; it runs an event loop of its own."""
    command = ["import-suppressions", "--database", database, *arguments]
    return await asyncio.to_thread(CliRunner().invoke, admin, command)


def write(folder: Path, *lines: str, name: str = "list.txt") -> str:
    path = folder / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


async def add_person(pool: Pool, isp: Isp, e164: str, *, opted_in: bool = True) -> None:
    contact = await add_contact(pool, isp, await add_account(pool, isp, e164))
    await add_number(pool, isp, contact, e164, opted_in=opted_in)


async def suppressed(pool: Pool) -> list[tuple[str, int]]:
    rows = await pool.fetch("SELECT e164, source FROM suppression ORDER BY e164")
    return [(row["e164"], row["source"]) for row in rows]


async def opted_in(pool: Pool) -> list[str]:
    rows = await pool.fetch("SELECT e164 FROM phone_number WHERE sms_opt_in ORDER BY e164")
    return [row["e164"] for row in rows]


@pytest.fixture
async def people(pool: Pool) -> tuple[Isp, Isp]:
    """Two instances that both have the first number, opted in, and others."""
    one, other = await make_isp(pool), await make_isp(pool, sender="+12125550102")
    for isp in (one, other):
        await add_person(pool, isp, FIRST)
    await add_person(pool, one, SECOND, opted_in=False)
    await add_person(pool, other, THIRD)
    return one, other


async def test_numbers_are_suppressed_and_their_opt_ins_cleared_in_every_instance(
    pool: Pool, database_url: str, people: tuple[Isp, Isp], tmp_path: Path
) -> None:
    path = write(tmp_path, FIRST, "", "+1 416-555-0123", "+1 (212) 555-0101", "+12125550199")
    ran = await run(database_url, path)
    assert ran.exit_code == 0, ran.output
    said = "Numbers: 3. Suppressed now: 3; before: 0. Opt-ins cleared: 2."
    assert said in " ".join(ran.output.split())
    assert await suppressed(pool) == [
        (FIRST, IMPORT),
        ("+12125550199", IMPORT),
        (SECOND, IMPORT),
    ]
    assert await opted_in(pool) == [THIRD]
    events = await pool.fetch("SELECT * FROM consent_event")
    numbers = await pool.fetch("SELECT * FROM phone_number WHERE cleared_by_stop")
    assert {event["instance_id"] for event in events} == {isp.instance_id for isp in people}
    assert {event["phone_number_id"] for event in events} == {number["id"] for number in numbers}
    assert {event["contact_id"] for event in events} == {row["contact_id"] for row in numbers}
    for event in events:
        assert (event["e164"], event["kind"], event["source"]) == (FIRST, OPT_OUT, IMPORT)
        assert (event["actor"], event["evidence"]) == ("operator", "Suppression list list.txt")
    assert {number["version"] for number in numbers} == {2}


async def test_importing_a_list_again_changes_nothing(
    pool: Pool, database_url: str, people: tuple[Isp, Isp], tmp_path: Path
) -> None:
    path = write(tmp_path, FIRST, SECOND)
    results: list[Any] = [json.loads((await run(database_url, path, "--json")).output)]
    await pool.execute("UPDATE suppression SET source = 6 WHERE e164 = $1", SECOND)
    before = await suppressed(pool)
    results.append(json.loads((await run(database_url, path, "--json")).output))
    assert results == [
        {"numbers": 2, "suppressed": 2, "opt_ins_cleared": 2, "bad_lines": []},
        {"numbers": 2, "suppressed": 0, "opt_ins_cleared": 0, "bad_lines": []},
    ]
    assert await suppressed(pool) == before
    assert await pool.fetchval("SELECT count(*) FROM consent_event") == 2


async def test_all_bad_lines_are_told_and_nothing_is_written(
    pool: Pool, database_url: str, people: tuple[Isp, Isp], tmp_path: Path
) -> None:
    path = write(tmp_path, FIRST, "555-0188", "", "CALL NOW", "+1212555")
    ran = await run(database_url, path)
    assert ran.exit_code == 1
    lines = ran.output.splitlines()
    assert [line.split(";")[0] for line in lines[:3]] == [
        "Line 2 has no country",
        "Line 4 has letters",
        "Line 5 is too short",
    ]
    assert "--skip-bad" in lines[-1]
    assert "0188" not in ran.output
    as_json = await run(database_url, path, "--json")
    assert as_json.exit_code == 1
    assert [each["line"] for each in json.loads(as_json.output)["bad_lines"]] == [2, 4, 5]
    assert await suppressed(pool) == []
    assert await opted_in(pool) == sorted([FIRST, FIRST, THIRD])

    skipped = await run(database_url, path, "--skip-bad")
    assert skipped.exit_code == 0, skipped.output
    assert "Lines left out: 3." in " ".join(skipped.output.split())
    assert await suppressed(pool) == [(FIRST, IMPORT)]


async def test_a_long_list_goes_in_batches(
    pool: Pool,
    database_url: str,
    people: tuple[Isp, Isp],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_BATCH", 2)
    path = write(tmp_path, FIRST, SECOND, THIRD, "+12125550188", "+12125550189")
    ran = await run(database_url, path, "--json")
    assert json.loads(ran.output) == {
        "numbers": 5,
        "suppressed": 5,
        "opt_ins_cleared": 3,
        "bad_lines": [],
    }
    assert len(await suppressed(pool)) == 5


async def test_what_is_no_list_or_no_country_is_refused(database_url: str, tmp_path: Path) -> None:
    no_country = await run(database_url, write(tmp_path, FIRST), "--country", "USA")
    assert no_country.exit_code == 2
    no_csv = await run(database_url, write(tmp_path, "name,number", 'Ada,"+1', name="bad.csv"))
    assert (no_csv.exit_code, "Line 2 is not CSV" in no_csv.output) == (1, True)
    assert (await run(database_url, str(tmp_path / "none.txt"))).exit_code == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_file_has_a_column_of_numbers(tmp_path: Path, delimiter: str) -> None:
    rows = (
        ("Name", " Number ", "when"),
        ('"Ada\nMoreau"', "(212) 555-0101", "now"),
        ("Bob", FIRST, ""),
        ("", "", ""),
        ("Zoë", "", "then"),
        ("Eve",),
        ("Dan", "416 555 0123", ""),
    )
    path = write(tmp_path, *(delimiter.join(row) for row in rows))
    listed = read_numbers(Path(path), "US")
    assert listed.numbers == [FIRST, SECOND]
    assert [each.line for each in listed.bad] == [6, 7]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_list_may_be_written_as_spreadsheets_write_it(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(f"number;nom\r\n{FIRST};Zoë\r\nnéant;x\r\n".encode(encoding))
    listed = read_numbers(path, None)
    assert listed.numbers == [FIRST]
    assert [each.line for each in listed.bad] == [3]


def test_a_list_without_columns_has_a_number_a_line(tmp_path: Path) -> None:
    path = write(tmp_path, "phone", f" {FIRST} ", f"{SECOND}, {THIRD}")
    listed = read_numbers(Path(path), None)
    assert listed.numbers == [FIRST]
    assert [each.line for each in listed.bad] == [1, 3]
    assert not any(number in each.text for each in listed.bad for number in (SECOND, THIRD))
    assert read_numbers(Path(write(tmp_path, "")), None).numbers == []
