"""`outbound-sms consent` against a real server, and against one that is interrupted."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from click.testing import CliRunner

from outbound_sms.cli.consent.command import consent
from outbound_sms.cli.consent.events_csv import HEADER
from outbound_sms.cli.consent.words import KINDS, SOURCES, kind_name, source_name
from outbound_sms.cli.main import COMMANDS
from outbound_sms.store.pool import Pool
from outboundsms.v1 import contacts_pb2 as pb
from tests.cli.scripted import scripted, words
from tests.e2e.processes import Ran, run_program
from tests.factories import Isp, add_account, add_contact, add_number, make_isp
from tests.services.running import make_tenant, run_server

FIRST, SECOND = "+12125550101", "+14165550123"
# A stranger's text: a spreadsheet's quotes and lines, and what a terminal would obey.
WORDS = 'Stop, "now"!\n\x1b[2JÀ bientôt'


@dataclass(frozen=True, slots=True)
class Terminal:
    """A wide terminal whose clock shows UTC, beside a server."""

    address: str
    key: str
    folder: Path
    isp: Isp

    async def consent(self, *arguments: str) -> Ran:
        """Runs `outbound-sms consent ARGUMENTS`."""
        return await run_program(
            *("consent", *arguments, "--target", self.address, "--api-key", self.key),
            folder=self.folder,
            environment={"COLUMNS": "240", "TZ": "UTC"},
        )


@pytest.fixture
async def terminal(pool: Pool, tmp_path: Path) -> AsyncIterator[Terminal]:
    tenant = await make_tenant(pool)
    isp = await make_isp(pool, instance_id=tenant.instance.id)
    async with run_server(pool) as running:
        yield Terminal(running.address, tenant.key, tmp_path, isp)


async def record(pool: Pool, isp: Isp, e164: str, kind: int, source: int, evidence: str) -> str:
    """The id of an event that happened on a day of May and was recorded now."""
    return str(
        await pool.fetchval(
            "INSERT INTO consent_event (instance_id, e164, kind, source, actor, evidence, "
            "occur_time) VALUES ($1, $2, $3, $4, 'recipient', $5, '2026-05-04T03:02:01.5Z') "
            "RETURNING id",
            isp.instance_id,
            e164,
            kind,
            source,
            evidence,
        )
    )


async def test_the_record_is_exported_oldest_first_in_three_forms(
    terminal: Terminal, pool: Pool
) -> None:
    made = [
        await record(pool, terminal.isp, FIRST, 1, 1, "I agree"),
        await record(pool, terminal.isp, SECOND, 1, 7, ""),
        await record(pool, terminal.isp, FIRST, 2, 6, WORDS),
    ]
    as_csv = await terminal.consent("export", "--csv")
    assert as_csv.code == 0, as_csv
    header, *rows = list(csv.reader(io.StringIO(as_csv.output, newline="")))
    assert tuple(header) == HEADER
    assert [row[-1] for row in rows] == made
    assert rows[2][:6] == [FIRST, "opt-out", "sms", "recipient", WORDS, "2026-05-04T03:02:01.500Z"]
    as_json = (await terminal.consent("export", "--json", "--number", "212 555 0101")).json_lines()
    assert [each["consent_event_id"] for each in as_json] == [made[0], made[2]]
    assert as_json[1]["evidence"] == WORDS
    first, second, third = (await terminal.consent("export")).output.splitlines()
    assert words(first) == f"2026-05-04 03:02:01 {FIRST} opt-in web recipient I agree"
    assert words(second) == f"2026-05-04 03:02:01 {SECOND} opt-in import recipient"
    assert "opt-out" in third
    assert third.endswith('Stop, "now"!  [2JÀ bientôt')


async def test_times_go_by_the_clock_of_the_instance(terminal: Terminal, pool: Pool) -> None:
    made = await record(pool, terminal.isp, FIRST, 1, 1, "I agree")
    moment = "(create_time AT TIME ZONE 'America/New_York')"
    row = await pool.fetchrow(
        f"SELECT ({moment} - interval '1 minute')::text AS before, "
        f"({moment} + interval '1 minute')::text AS after FROM consent_event"
    )
    assert row is not None
    within = await terminal.consent(
        "export", "--since", row["before"], "--until", row["after"], "--json"
    )
    assert [each["consent_event_id"] for each in within.json_lines()] == [made]
    for arguments in (("--since", row["after"]), ("--until", row["before"])):
        assert (await terminal.consent("export", *arguments)).output == "No events match.\n"
    assert (await terminal.consent("export", "--since", "soon")).code == 2


async def test_a_record_without_events_is_a_header(terminal: Terminal) -> None:
    assert (await terminal.consent("export", "--csv")).output == ",".join(HEADER) + "\r\n"
    assert (await terminal.consent("export", "--json")).output == ""
    refused = await terminal.consent("export", "--csv", "--number", "12")
    assert (refused.code, refused.output) == (1, "")
    assert (await terminal.consent("export", "--csv", "--json")).code == 2


async def test_suppressions_and_replies_are_listed_newest_first(
    terminal: Terminal, pool: Pool
) -> None:
    for name in ("suppressions", "replies"):
        assert (await terminal.consent(name)).output == "There are none.\n"
    isp = terminal.isp
    for n, e164 in enumerate((FIRST, SECOND)):
        contact = await add_contact(pool, isp, await add_account(pool, isp, f"A{n}"))
        await add_number(pool, isp, contact, e164)
        await pool.execute("INSERT INTO suppression (e164, source) VALUES ($1, 6)", e164)
        await pool.execute(
            "INSERT INTO inbound_message (instance_id, sending_number_id, carrier, "
            "carrier_message_id, e164, body, meaning) VALUES ($1, $2, 'sandbox', $3, $4, $5, 4)",
            isp.instance_id,
            isp.sending_number_id,
            str(uuid4()),
            e164,
            WORDS,
        )
    _, newest, oldest = (await terminal.consent("suppressions")).output.splitlines()
    assert newest.split()[2:] == [SECOND, "sms"]
    assert oldest.split()[2:] == [FIRST, "sms"]
    [only] = (await terminal.consent("suppressions", "--limit", "1", "--json")).json_lines()
    assert (only["number"], only["source"]) == (SECOND, "CONSENT_SOURCE_SMS")
    _, newest, oldest = (await terminal.consent("replies", "--limit", "0")).output.splitlines()
    assert newest.split()[2:4] == [SECOND, "1"]
    assert newest.rstrip().endswith('Stop, "now"!  [2JÀ bientôt')
    assert FIRST in oldest
    [only] = (await terminal.consent("replies", "--limit", "1", "--json")).json_lines()
    assert (only["number"], only["text"], len(only["contact_ids"])) == (SECOND, WORDS, 1)


async def test_an_export_that_breaks_off_says_so() -> None:
    async def broken(request: Any, context: Any) -> AsyncIterator[Any]:
        yield pb.ExportConsentEventsResponse(consent_events=[pb.ConsentEvent(number=FIRST)])
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Too much.")

    async with scripted({"Contacts.ExportConsentEvents": broken}) as terminal:
        ran = await terminal.run(consent, "export", "--csv")
    assert ran.exit_code == 1
    assert FIRST in ran.output
    assert "The export is incomplete, export again: Too much." in words(ran.output)


def test_every_kind_and_source_has_its_word_and_a_new_one_its_number() -> None:
    assert set(KINDS) == set(pb.ConsentEventKind.values()) - {0}
    assert set(SOURCES) == set(pb.ConsentSource.values()) - {0}
    assert (kind_name(99), source_name(99)) == ("99", "99")


@pytest.mark.parametrize("name", list(consent.commands))
def test_every_command_has_help_with_an_example_and_prints_json(name: str) -> None:
    ran = CliRunner().invoke(consent, [name, "--help"])
    assert f"outbound-sms consent {name}" in words(ran.output)
    assert "--json" in ran.output
    assert COMMANDS["consent"].endswith(":consent")
