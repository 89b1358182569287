"""The second wall between tenants: whatever a query says, PostgreSQL shows one tenant's rows."""

import json
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from outbound_sms.store.migrate import migrate
from outbound_sms.store.pool import Pool, SessionRole, open_pool
from outbound_sms.store.tenant import set_tenant
from tests.databases import Databases
from tests.store.row_of_everything import EVERYBODYS, add_row_of_everything

WRITES = ("INSERT", "UPDATE", "DELETE")
_FIRST_COLUMN_TO_CHANGE = """
SELECT attname FROM pg_attribute
 WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
   AND has_column_privilege('outbound_sms_api', attrelid, attname, 'UPDATE')
 ORDER BY attnum LIMIT 1
"""


@pytest.fixture
async def tenants(pool: Pool) -> tuple[UUID, UUID]:
    """Two instances, each with a row in every table that has tenants' rows."""
    return (
        await add_row_of_everything(pool, "+12125550100"),
        await add_row_of_everything(pool, "+12125550101"),
    )


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Pool]:
    """The API's pool, of one connection, so that each use is a reuse."""
    opened = await open_pool(
        database_url, min_size=1, max_size=1, application_name="api", role=SessionRole.API
    )
    yield opened
    opened.terminate()
    set_tenant(None)


async def walled_tables(pool: Pool) -> list[str]:
    rows = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p') ORDER BY relname"
    )
    return [row["relname"] for row in rows if row["relname"] not in EVERYBODYS]


async def test_every_table_has_the_wall_or_is_everybodys(pool: Pool) -> None:
    open_ones = await pool.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity)"
    )
    assert {row["relname"] for row in open_ones} == EVERYBODYS
    tables = await walled_tables(pool)
    policies = await pool.fetch("SELECT tablename, policyname, roles::text FROM pg_policies")
    assert {(row["tablename"], row["policyname"], row["roles"]) for row in policies} == {
        policy
        for table in tables
        for policy in (
            (table, "tenant", "{outbound_sms_api}"),
            (table, "everybody", "{outbound_sms_dispatcher}"),
        )
    }


async def test_nothing_leads_around_the_wall(pool: Pool) -> None:
    for role in SessionRole:
        rights = await pool.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcanlogin, "
            "EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid) AS owns, "
            "EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid) AS is_member "
            "FROM pg_roles WHERE rolname = $1",
            role,
        )
        assert rights is not None
        assert not any(rights.values()), (role, dict(rights))
    assert not await pool.fetch(
        "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    )
    assert not await pool.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'v' "
        "AND relnamespace = 'public'::regnamespace "
        "AND NOT coalesce(reloptions, '{}') @> '{security_invoker=true}'"
    )


async def test_a_tenant_sees_its_own_rows_and_nobody_elses(
    pool: Pool, api: Pool, tenants: tuple[UUID, UUID]
) -> None:
    for table in await walled_tables(pool):
        everything = await pool.fetchval(f"SELECT count(*) FROM {table}")
        seen = []
        for tenant in tenants:
            set_tenant(tenant)
            seen.append({row[0] for row in await api.fetch(f"SELECT {table}::text FROM {table}")})
        assert all(seen), f"{table}: a tenant does not see its own rows"
        assert not seen[0] & seen[1], f"{table}: both tenants see the same row"
        assert len(seen[0]) + len(seen[1]) == everything, table


async def test_without_a_tenant_there_is_nothing_also_on_a_connection_that_had_one(
    pool: Pool, api: Pool, tenants: tuple[UUID, UUID]
) -> None:
    tables = await walled_tables(pool)

    async def rows_of_nobody() -> int:
        set_tenant(None)
        return sum([await api.fetchval(f"SELECT count(*) FROM {table}") for table in tables])

    assert await rows_of_nobody() == 0
    set_tenant(tenants[0])
    assert await api.fetchval("SELECT count(*) FROM instance") == 1
    assert await rows_of_nobody() == 0
    for after in (tenants[0], None):
        for left in ("a transaction that is open", "a session that was reset"):
            set_tenant(tenants[0])
            async with api.acquire() as connection:
                if left == "a session that was reset":
                    await connection.reset()
                else:
                    await connection.execute("BEGIN")
            set_tenant(after)
            assert await api.fetchval("SELECT max(id::text)::uuid FROM instance") == after, left
    assert await rows_of_nobody() == 0
    # A session of the role that nobody has told anything.
    async with api.acquire() as connection:
        await connection.execute("RESET app.instance_id")
        assert await connection.fetchval("SELECT count(*) FROM message") == 0


async def test_a_tenants_rows_cannot_be_changed_or_made_by_another(
    pool: Pool, api: Pool, tenants: tuple[UUID, UUID]
) -> None:
    mine, theirs = tenants
    for table in await walled_tables(pool):
        before = await pool.fetchval(f"SELECT json_agg(t ORDER BY t::text)::text FROM {table} t")
        own, other = [await a_row_of(pool, table, tenant) for tenant in (mine, theirs)]
        set_tenant(mine)
        for row, is_own in ((own, True), (other, False)):
            if await may(pool, "INSERT", table):
                made = await state_of_insert(api, table, row)
                assert (made == "42501") is not is_own, (table, made)
        column = await pool.fetchval(_FIRST_COLUMN_TO_CHANGE, table)
        for change in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            if await may(pool, change.split()[0], table):
                where = f"WHERE {table}::text = (json_populate_record(NULL::{table}, $1))::text"
                assert (await api.execute(f"{change} {where}", other)).endswith(" 0"), table
        assert before == await pool.fetchval(
            f"SELECT json_agg(t ORDER BY t::text)::text FROM {table} t"
        )


async def test_a_tenant_cannot_give_its_rows_to_another(
    pool: Pool, api: Pool, tenants: tuple[UUID, UUID]
) -> None:
    set_tenant(tenants[0])
    for table in await walled_tables(pool):
        row = json.loads(await a_row_of(pool, table, tenants[0]))
        if "instance_id" in row and await may(pool, "UPDATE", table):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await api.execute(f"UPDATE {table} SET instance_id = $1", tenants[1])


async def test_what_is_written_for_good_cannot_be_changed_by_the_api(pool: Pool) -> None:
    for table in (
        "attempt",
        "consent_event",
        "feed",
        "inbound_message",
        "ledger_entry",
        "price_list",
        "segment_price",
        "status_event",
        "trigger_fire",
    ):
        for right in ("UPDATE", "DELETE"):
            assert not await may(pool, right, table), (table, right)
    for table in ("ledger_entry", "price_list", "segment_price", "balance", "inbound_message"):
        assert not await may(pool, "INSERT", table), table
    changeable = await pool.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'message'::regclass AND attnum > 0 "
        "AND has_column_privilege('outbound_sms_api', 'message', attname, 'UPDATE') ORDER BY 1"
    )
    assert [row["attname"] for row in changeable] == ["status", "version"]
    assert not await may(pool, "DELETE", "message")
    for column in ("platform", "country", "data_center", "currency"):
        assert not await pool.fetchval(
            "SELECT has_column_privilege('outbound_sms_api', 'instance', $1, 'UPDATE')", column
        )
    for right in WRITES:
        assert not await may(pool, right, "suppression")
    assert not await may(pool, "SELECT", "signing_key")


async def test_an_owner_that_is_no_superuser_can_migrate_and_serve(databases: Databases) -> None:
    """What a hosted PostgreSQL gives: a login that may make roles and databases, and no more."""
    async with databases.database(migrated=False) as url:
        name = url.rpartition("/")[2].partition("?")[0]
        owner = f"owner_of_{name}"
        admin = await asyncpg.connect(url)
        await admin.execute(
            f"CREATE ROLE {owner} LOGIN CREATEROLE; ALTER DATABASE {name} OWNER TO {owner}; "
            # The tests' own migration has made the roles, so nobody else may give them away.
            f"GRANT outbound_sms_api, outbound_sms_dispatcher TO {owner}"
        )
        try:
            own_url = databases.url_of(name, user=owner)
            await migrate(own_url)
            instance_id = await add_row_of_everything(admin, "+12125550100")
            for role, tenant, count in (
                (SessionRole.API, None, 0),
                (SessionRole.API, instance_id, 2),
                (SessionRole.DISPATCHER, None, 2),
            ):
                set_tenant(tenant)
                opened = await open_pool(
                    own_url, min_size=1, max_size=1, application_name="owned", role=role
                )
                try:
                    assert await opened.fetchval("SELECT count(*) FROM message") == count
                finally:
                    opened.terminate()
        finally:
            set_tenant(None)
            await admin.execute(f"ALTER DATABASE {name} OWNER TO CURRENT_USER")
            await admin.execute(f"REASSIGN OWNED BY {owner} TO CURRENT_USER")
            await admin.execute(f"DROP OWNED BY {owner}; DROP ROLE {owner}")
            await admin.close()


async def may(pool: Pool, right: str, table: str) -> bool:
    allowed: bool = await pool.fetchval(
        "SELECT has_any_column_privilege('outbound_sms_api', $1, $2) "
        "OR has_table_privilege('outbound_sms_api', $1, $2)"
        if right != "DELETE"
        else "SELECT has_table_privilege('outbound_sms_api', $1, $2)",
        table,
        right,
    )
    return allowed


async def a_row_of(pool: Pool, table: str, tenant: UUID) -> str:
    """A row of the tenant as JSON, found from behind the wall of another connection."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {SessionRole.API}")
        await connection.execute("SELECT set_config('app.instance_id', $1, true)", str(tenant))
        row: str = await connection.fetchval(f"SELECT to_json(t)::text FROM {table} t LIMIT 1")
        return row


async def state_of_insert(api: Pool, table: str, row: str) -> str:
    """The SQLSTATE with which inserting the row ends; it never stays."""
    try:
        async with api.acquire() as connection, connection.transaction():
            await connection.execute(
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE "
                f"SELECT * FROM json_populate_record(NULL::{table}, $1)",
                row,
            )
            raise LookupError
    except LookupError:
        return "00000"
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
