"""The program as a person uses it: real processes, an embedded database, and no terminal."""

import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from outbound_sms.cli.demo.example import Example, set_up
from outbound_sms.cli.main import program
from outboundsms import connect
from tests.e2e.local_server import (
    SITE,
    SUBSCRIBERS,
    LocalServer,
    add_funds,
    interrupt,
    start,
    write_example,
)
from tests.e2e.processes import PROGRAM, clean_environment, run_program
from tests.e2e.terminal_clients import find_grpcurl
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example ISP with few subscribers, all of one network site, some rows wrong."""
    return write_example(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
async def server(
    tmp_path_factory: pytest.TempPathFactory, example: Path
) -> AsyncIterator[LocalServer]:
    """A running server whose instance is the example ISP, nobody imported yet."""
    folder = tmp_path_factory.mktemp("run")
    local = await start(folder)
    found = json.loads((folder / ".data" / "server.json").read_text())
    async with connect(found["target"], found["api_key"]) as client:
        await set_up(client, Example(example))
    await add_funds(local)
    yield local
    await interrupt(local.process)


async def test_run_prints_where_it_is_and_lines_to_paste(server: LocalServer) -> None:
    assert re.fullmatch(r"grpc: 127\.0\.0\.1:\d+", server.lines[0])
    assert re.fullmatch(r"api key: sms_live_\w+", server.lines[1])
    assert len(server.lines) == 5
    grpcurl = find_grpcurl()
    if grpcurl is None:
        pytest.skip("grpcurl has no binary for this machine")
    for line in server.lines[2:4]:
        command = [str(grpcurl), *shlex.split(line)[1:]]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        json.loads(output)


def test_run_seals_the_secrets_of_its_sandboxes(server: LocalServer) -> None:
    for name, key in (("carriers.toml", "auth_token"), ("payments.toml", "api_key")):
        (file,) = server.folder.rglob(name)
        assert f'{key} = "sealed:' in file.read_text()
        assert file.stat().st_mode & 0o077 == 0


async def test_a_file_is_imported_and_a_second_time_changes_nothing(
    server: LocalServer, example: Path
) -> None:
    file = str(example / "subscribers.csv")
    first = await server.program("import", file, "--json", "--refused", "refused.csv")
    assert first.code == 0, first.errors
    result = first.json()
    assert result["accepted"] == SUBSCRIBERS
    assert [(row["line"], row["column"]) for row in result["refused"]] == [
        (SUBSCRIBERS + 2, "account_number")
    ]
    assert "account_number" in (server.folder / "refused.csv").read_text()
    second = await server.program("import", file, "--json")
    changes = {
        key: value for key, value in second.json().items() if key.startswith(("a", "c", "p"))
    }
    assert changes.pop("accepted") == SUBSCRIBERS
    assert set(changes.values()) == {0}


async def test_a_file_that_cannot_be_read_says_why(server: LocalServer) -> None:
    (server.folder / "wrong.csv").write_text("name,colour\nAda,red\n")
    ran = await server.program("import", "wrong.csv")
    assert ran.code == 1
    assert "account_number" in ran.errors
    assert "Traceback" not in ran.errors
    broken = 'account_number,account_name\nQ-1,Ada\nQ-2,"Bob\n'
    (server.folder / "broken.csv").write_text(broken)
    halfway = await server.program("import", "broken.csv")
    assert halfway.code == 1
    assert "is not CSV" in halfway.errors
    assert "Traceback" not in halfway.errors


async def test_a_mass_message_is_previewed_sent_watched_and_listed(
    server: LocalServer, example: Path
) -> None:
    await server.program("import", str(example / "subscribers.csv"), "--json")
    spec = ("UNPLANNED_OUTAGE", "--start", "now", "--end", "+4h", "--network-site", SITE)
    preview = await server.program("send", *spec, "--preview", "--json")
    recipients = int(preview.json()["recipients"])
    assert recipients > 10, preview

    unasked = await server.program("send", *spec)
    assert unasked.code == 2
    assert "--yes" in unasked.errors

    sent = await server.program("send", *spec, "--yes", "--json", "--watch")
    assert sent.code == 0, sent.errors
    created, *progress = sent.json_lines()
    mass_message_id = created["mass_message_id"]
    assert progress[-1]["state"] == "MASS_MESSAGE_STATE_FINISHED"
    assert int(progress[-1]["progress"]["recipients"]) == recipients

    again = await server.program("watch", mass_message_id)
    assert f"Finished: {recipients} of {recipients} handed over" in again.output

    listed = await server.program(
        "messages", "list", "--mass-message", mass_message_id, "--limit", "0", "--json"
    )
    messages = listed.json_lines()
    assert len(messages) == recipients
    shown = await server.program("messages", "show", messages[0]["message_id"], "--json")
    assert shown.json()["body"]["text"].startswith("Northwind Fiber:")
    table = await server.program("messages", "list", "--limit", "3")
    assert "Status" in table.output


async def test_changes_are_watched_from_the_cursor_in_a_file(server: LocalServer) -> None:
    arguments = ("watch", "--oldest", "--json", "--cursor-file", "seen.cursor")
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *arguments,
        cwd=server.folder,
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        first = json.loads(await process.stdout.readline())
        while not (server.folder / "seen.cursor").exists():
            await process.stdout.readline()
    await interrupt(process)
    assert process.returncode == 130
    assert first["version"] == 1
    assert (server.folder / "seen.cursor").read_text().strip()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("messages", "list", "--target", "127.0.0.1:1", "--api-key", "x"), "No answer from"),
        (("messages", "list", "--api-key", "x"), "unknown, expired or revoked"),
        (("watch", "nonsense"), "mass_message_id: is not an id"),
        (("send", "UNPLANNED_OUTAGE", "--network-site", "North Rige"), SITE),
        (("send", "UNPLANNED_OUTAGE", "--all-accounts", "--start", "soon"), "is not a time"),
        (("messages", "show", "01900000-0000-7000-8000-000000000000"), "no such message"),
        (("nonsense",), "No such command"),
        (("serve", "--roles", "cook"), "OUTBOUND_SMS_ROLES"),
        (("serve",), "DATABASE_URL"),
        (("admin", "create-instance", "X", "--time-zone", "Mars"), "IANA"),
        (("billing", "add-funds", "0.0000001"), "more than 6 decimals"),
        (("billing", "add-funds", "0.005", "--yes"), "whole cents"),
        (("billing", "statement", "--month", "2999-01"), "month"),
        (("billing", "ledger", "--message", "nonsense"), "message_id: is not an id"),
        (("messages", "requeue", "--mass-message", "nonsense", "--yes"), "mass_message_id"),
        (("admin", "prices", "list"), "create-operator-key"),
    ],
)
async def test_failures_say_what_to_do_and_show_no_stack_trace(
    server: LocalServer, arguments: tuple[str, ...], said: str
) -> None:
    ran = await server.program(*arguments)
    assert ran.code in (1, 2), ran
    assert said in " ".join(ran.errors.split()), ran
    assert "Traceback" not in ran.errors


async def test_an_operator_makes_instances_and_keys(server: LocalServer) -> None:
    made = await server.program(
        "admin", "create-instance", "Other", "--time-zone", "America/Toronto", "--json"
    )
    instance = made.json()
    key = await server.program("admin", "create-api-key", instance["instance_id"], "--json")
    assert key.json()["api_key"] != instance["api_key"]
    listed = await server.program("messages", "list", "--api-key", key.json()["api_key"])
    assert listed.output.strip() == "No messages match."
    migrated = await server.program("migrate", "--json")
    assert migrated.json() == {"applied": []}
    rebased = await server.program("admin", "feed", "rebase", "--yes")
    assert rebased.code == 0, rebased.errors


def _commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command, those in groups too, and the groups themselves."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from _commands(command, *path, name)


COMMANDS = list(_commands(program))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(command: tuple[str, ...]) -> None:
    ran = CliRunner().invoke(program, [*command, "--help"])
    assert ran.exit_code == 0, ran.output
    is_group = any(each[:-1] == command for each in COMMANDS)
    assert is_group or "Example" in ran.output


async def test_run_keeps_its_key_and_leaves_nothing_behind(tmp_path: Path) -> None:
    first = await start(tmp_path)
    await interrupt(first.process)
    assert first.process.returncode == 0
    assert not (tmp_path / ".data" / "server.json").exists()
    assert _processes_of(tmp_path) == []
    second = await start(tmp_path)
    await interrupt(second.process)
    assert second.lines[1] == first.lines[1]


async def test_a_killed_run_takes_its_children_with_it(tmp_path: Path) -> None:
    local = await start(tmp_path)
    assert len(_processes_of(tmp_path)) >= 1
    local.process.kill()
    await local.process.wait()
    await wait_until(lambda: not _processes_of(tmp_path), 30, "the children ended")


async def test_the_demo_ends_by_itself_and_works_twice(tmp_path: Path, example: Path) -> None:
    counts: list[int] = []
    for _ in range(2):
        ran = await run_program("demo", "--example", str(example), folder=tmp_path)
        assert ran.code == 0, ran
        last = ran.output.splitlines()[-1]
        found = re.fullmatch(
            r"demo: recipients=(\d+) delivered=(\d+) failed=(\d+) ledger_entries=\d+ "
            r"seconds=[\d.]+",
            last,
        )
        assert found, ran.output
        for said in ("Quiet hours until", "Fired: 1 text", "Already fired: 1 text"):
            assert said in ran.output
        assert "The ledger checks" in ran.output
        for said in ("replies: STOP", "POLICY.OPTED_OUT", "neither of them", "both of them"):
            assert said in ran.output
        if not counts:
            # What is left over does for this small an audience the second time.
            for said in ("insufficient funds", "send just those", "Pending again"):
                assert said in ran.output
        assert "handed over when it was not quiet in America/New_York" in _in_one_line(ran.output)
        recipients, delivered, failed = map(int, found.groups())
        assert recipients == delivered + failed
        counts.append(recipients)
        assert _processes_of(tmp_path) == []
    assert counts[0] > 10
    # Those whose carrier said that they had opted out are not texted again.
    assert 0 <= counts[0] - counts[1] <= 3


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _processes_of(folder: Path) -> list[str]:
    """Command lines of processes that were started for what is in `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            variables = (entry / "environ").read_bytes().decode(errors="replace")
            place = (entry / "cwd").readlink()
        except (OSError, ValueError):
            continue
        ours = "outbound_sms" in command and str(folder) in variables
        if ours or place.is_relative_to(folder) or str(folder) in command:
            found.append(command)
    return found
