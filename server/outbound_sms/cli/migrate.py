"""`outbound-sms migrate`: brings a database's schema up to date."""

import asyncpg
import click

from outbound_sms.cli.database import on_database, run_on
from outbound_sms.cli.output import print_json
from outbound_sms.store import migrate as store


@click.command(epilog="Example: DATABASE_URL=postgresql://sms@db/sms outbound-sms migrate")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_database
def migrate(database: str, as_json: bool) -> None:
    """Applies the migrations that the database lacks; run it before a new version is started.

    Safe to run twice, and by several at once.
    """

    async def work(connection: asyncpg.Connection) -> list[store.Migration]:
        return await store.migrate(connection)

    applied = run_on(database, work, role=None)
    if as_json:
        names = [{"number": each.number, "name": each.name} for each in applied]
        print_json({"applied": names})
        return
    for each in applied:
        click.echo(f"Applied {each.number:04d} {each.name}")
    if not applied:
        click.echo("The schema is up to date.")
