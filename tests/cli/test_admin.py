"""`outbound-sms admin` against a real server and its database."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import click
import pytest
from click.testing import CliRunner

from outbound_sms.cli.admin.command import admin
from outbound_sms.cli.admin.permissions import parse_permission
from outbound_sms.store.pool import Pool
from outboundsms.v1.permission_pb2 import PERMISSION_CREATE_SMS_MESSAGE
from tests.services.running import Tenant, make_operator_key, make_tenant, run_server


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended, and what it wrote to both outputs."""

    code: int
    output: str

    def json(self) -> Any:
        """Its only line of output, decoded; a list where there are several."""
        assert self.code == 0, self.output
        lines = [json.loads(line) for line in self.output.splitlines()]
        return lines[0] if len(lines) == 1 else lines


@dataclass(frozen=True, slots=True)
class Shell:
    """Runs `outbound-sms admin` with the key of somebody."""

    target: str
    database: str
    tenant: Tenant
    operator_key: str

    async def run(self, *arguments: str, key: str | None = None) -> Ran:
        environment = {
            "OUTBOUND_SMS_TARGET": self.target,
            "OUTBOUND_SMS_API_KEY": self.tenant.key if key is None else key,
            "DATABASE_URL": self.database,
            "COLUMNS": "250",
        }
        # The commands run event loops of their own, so not in the one of the server.
        ran = await asyncio.to_thread(CliRunner().invoke, admin, arguments, env=environment)
        assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
        return Ran(ran.exit_code, ran.output)

    async def as_operator(self, *arguments: str) -> Ran:
        return await self.run("instances", *arguments, key=self.operator_key)


@pytest.fixture
async def shell(pool: Pool, database_url: str) -> AsyncIterator[Shell]:
    tenant = await make_tenant(pool)
    async with run_server(pool) as running:
        yield Shell(running.address, database_url, tenant, await make_operator_key(pool))


async def test_the_operator_makes_lists_shows_and_changes_instances(shell: Shell) -> None:
    made = (
        await shell.as_operator(
            *("create", "Boréale", "--country", "ca", "--time-zone", "America/Toronto"),
            *("--language", "fr", "--json"),
        )
    ).json()
    assert (made["country"], made["currency"], made["sms_enabled"]) == ("CA", "CAD", True)
    instance_id = made["instance_id"]
    assert (await shell.as_operator("show", instance_id, "--json")).json() == made

    listed = (await shell.as_operator("list", "--json")).json()
    assert [each["name"] for each in listed] == ["Example ISP", "Boréale"]
    table = (await shell.as_operator("list")).output
    assert instance_id in table
    assert "Platform" not in table

    key = (await shell.as_operator("create-key", instance_id, "--name", "alice", "--json")).json()
    theirs = (await shell.run("keys", "list", "--json", key=key["secret"])).json()
    assert (theirs["api_key_id"], theirs["name"]) == (key["api_key_id"], "alice")

    refused = await shell.as_operator("update", instance_id, "--data-center", "canada")
    assert refused.code == 1
    assert "data center" in refused.output
    renamed = await shell.as_operator("update", instance_id, "--name", "Fibre Boréale")
    assert "Fibre Boréale" in renamed.output
    assert (await shell.as_operator("update", instance_id)).code == 2


async def test_a_tenants_key_manages_no_instances_and_says_whose_does(shell: Shell) -> None:
    refused = await shell.run("instances", "list")
    assert refused.code == 1
    assert "create-operator-key" in refused.output


async def test_operator_keys_are_made_at_the_database(shell: Shell, pool: Pool) -> None:
    made = (await shell.run("create-operator-key", "--name", "bob", "--json")).json()
    listed = await shell.run("instances", "list", "--json", key=made["api_key"])
    assert listed.json()["name"] == "Example ISP"
    assert await pool.fetchval("SELECT count(*) FROM instance WHERE platform") == 1
    named = "SELECT name FROM api_key ORDER BY id DESC LIMIT 1"
    assert await pool.fetchval(named) == "bob"
    assert (await shell.run("create-operator-key", "--name", " ")).code == 2


async def test_instances_and_keys_are_made_at_the_database(shell: Shell) -> None:
    made = (
        await shell.run(
            *("create-instance", "Abroad", "--country", "gb", "--time-zone", "Europe/London"),
            "--json",
        )
    ).json()
    shown = (await shell.as_operator("show", made["instance_id"], "--json")).json()
    assert (shown["country"], shown["sms_enabled"], shown["currency"]) == ("GB", False, "USD")
    more = (await shell.run("create-api-key", made["instance_id"], "--json")).json()
    listed = (await shell.run("keys", "list", "--json", key=more["api_key"])).json()
    assert [each["name"] for each in listed] == ["First key", "operator"]
    other = await shell.run("create-api-key", made["instance_id"], "--role", "Clerk")
    assert other.code == 1
    assert "It has: Super-admin." in other.output
    for wrong in (("--country", "ZZ"), ("--currency", "USB"), ("--time-zone", "EST")):
        refused = await shell.run("create-instance", "X", "--time-zone", "UTC", *wrong)
        assert refused.code == 2, refused
        assert wrong[0] in refused.output


async def test_roles_are_created_changed_and_deleted(shell: Shell) -> None:
    made = (
        await shell.run(
            *("roles", "create", "Billing", "--permission", "create-sms-message"),
            *("--permission", "READ_CONTACT", "--json"),
        )
    ).json()
    changed = (
        await shell.run(
            *("roles", "update", "Billing", "--add", "READ_DIRECTORY", "--remove", "read_contact"),
            *("--name", "Billing system", "--json"),
        )
    ).json()
    assert changed["role_id"] == made["role_id"]
    assert changed["name"] == "Billing system"
    assert changed["permissions"] == [
        "PERMISSION_CREATE_SMS_MESSAGE",
        "PERMISSION_READ_DIRECTORY",
    ]
    everything = (await shell.run("roles", "update", made["role_id"], "--super-admin")).output
    assert "everything" in everything
    table = (await shell.run("roles", "list")).output
    assert "Billing system" in table
    assert (await shell.run("roles", "update", "Billing system")).code == 2
    unknown = await shell.run("roles", "update", "Biling", "--super-admin")
    assert "Billing system" in unknown.output

    unasked = await shell.run("roles", "delete", "Billing system")
    assert (unasked.code, "--yes" in unasked.output) == (2, True)
    deleted = await shell.run("roles", "delete", "Billing system", "--yes", "--json")
    assert deleted.json() == {"role_id": made["role_id"]}
    assert (await shell.run("roles", "list", "--json")).json()["name"] == "Super-admin"
    locked = await shell.run("roles", "delete", "Super-admin", "--yes")
    assert (locked.code, "administrator" in locked.output) == (1, True)


async def test_keys_are_created_rotated_and_revoked(shell: Shell) -> None:
    made = (await shell.run("keys", "create", "billing", "--role", "Super-admin", "--json")).json()
    assert (await shell.run("roles", "list", key=made["secret"])).code == 0
    rotated = (await shell.run("keys", "rotate", "billing", "--overlap", "2h", "--json")).json()
    assert rotated["old_api_key"]["api_key_id"] == made["api_key"]["api_key_id"]
    assert rotated["old_api_key"]["expire_time"]
    assert (await shell.run("roles", "list", key=rotated["secret"])).code == 0

    several = await shell.run("keys", "revoke", "billing", "--yes")
    assert (several.code, "give the id" in several.output) == (2, True)
    old = made["api_key"]["api_key_id"]
    assert (await shell.run("keys", "revoke", old)).code == 2
    revoked = (await shell.run("keys", "revoke", old, "--yes", "--json")).json()
    assert revoked["revoke_time"]
    working = (await shell.run("keys", "list", "--json")).json()
    assert [each["name"] for each in working] == ["First key", "billing"]
    every = (await shell.run("keys", "list", "--ended")).output
    assert "revoked" in every
    assert every.count("billing") == 2
    shown = await shell.run("keys", "rotate", "billing")
    assert "Secret, shown once" in shown.output

    soon = await shell.run("keys", "create", "auditor", "--role", "Super-admin", "--expires", "+1d")
    assert soon.code == 0
    assert "works until" in (await shell.run("keys", "list")).output
    for wrong in (
        ("create", "x", "--role", "Super-admin", "--expires", "soon"),
        ("create", "x", "--role", "Nobody"),
        ("rotate", "billing", "--overlap", "long"),
        ("rotate", "nobody"),
    ):
        assert (await shell.run("keys", *wrong)).code == 2, wrong


async def test_permissions_are_listed_as_they_are_written(shell: Shell) -> None:
    listed = (await shell.run("permissions", "list")).output
    assert "CREATE_SMS_MESSAGE" in listed
    assert "Create a new SMS message" in listed
    assert "MANAGE_INSTANCES" not in listed
    answer = (await shell.run("permissions", "list", "--json")).json()
    assert len(answer["permissions"]) > 20
    assert parse_permission("--add", "create-sms_message") == PERMISSION_CREATE_SMS_MESSAGE
    refused = await shell.run("roles", "create", "X", "--permission", "CREATE_SMS")
    assert (refused.code, "CREATE_SMS_MESSAGE" in refused.output) == (2, True)
    for wrong in ("ANY_CALLER", "UNSPECIFIED", ""):
        with pytest.raises(click.UsageError):
            parse_permission("--add", wrong)


async def test_the_feed_is_rebased_at_the_database(shell: Shell) -> None:
    assert (await shell.run("feed", "rebase")).code == 2
    assert (await shell.run("feed", "rebase", "--yes", "--json")).json() == {"rebased": True}


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*path, name))
    else:
        yield path


@pytest.mark.parametrize("path", list(leaves(admin)), ids=" ".join)
def test_every_command_has_help_with_an_example_and_prints_json(path: tuple[str, ...]) -> None:
    ran = CliRunner().invoke(admin, [*path, "--help"])
    assert ran.exit_code == 0, ran.output
    assert f"outbound-sms admin {' '.join(path)}" in " ".join(ran.output.split())
    assert "--json" in ran.output


def test_the_words_of_the_commands_are_those_that_people_were_told() -> None:
    assert {" ".join(path) for path in leaves(admin)} == {
        "create-instance",
        "create-api-key",
        "create-operator-key",
        *(f"instances {verb}" for verb in ("create", "list", "show", "update", "create-key")),
        *(f"roles {verb}" for verb in ("list", "create", "update", "delete")),
        *(f"keys {verb}" for verb in ("list", "create", "rotate", "revoke")),
        *(f"prices {verb}" for verb in ("list", "create")),
        "adjust-balance",
        "check-ledger",
        "permissions list",
        "feed rebase",
        "import-suppressions",
        "limits",
        "opt-out-scope",
        "make-sealing-key",
        "seal",
    }
