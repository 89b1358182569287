"""`outbound-sms admin feed`: looks after the stream of status changes, at the database."""

import asyncpg
import click

from outbound_sms.cli.admin.asking import confirm
from outbound_sms.cli.database import on_database, run_on
from outbound_sms.cli.output import print_json
from outbound_sms.feed.rebase import rebase


@click.group()
def feed() -> None:
    """Looks after the stream of status changes, at the database."""


@feed.command("rebase", epilog="Example: outbound-sms admin feed rebase --yes")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; asks nothing, so needs --yes.")
@on_database
def feed_rebase(database: str, yes: bool, as_json: bool) -> None:
    """Makes the feed usable after the database was restored into another cluster with pg_restore.

    Loses and repeats nothing, and is harmless when it was not needed. Writers wait meanwhile.
    """
    confirm("Writers will wait until it is done. Go on?", yes=yes, as_json=as_json)

    async def work(connection: asyncpg.Connection) -> None:
        await rebase(connection)

    run_on(database, work)
    if as_json:
        print_json({"rebased": True})
    else:
        click.echo("The feed is based on this cluster.")
