"""`outbound-sms admin opt-out-scope`: whom a STOP stops."""

import asyncpg
import click

from outbound_sms.cli.database import on_database, run_on
from outbound_sms.cli.output import console, print_json
from outbound_sms.domain.opt_out_scope import OptOutScope
from outbound_sms.store.opt_out_policy import get_opt_out_scope, set_opt_out_scope

_MEANING = {
    OptOutScope.ALL: "A STOP stops the texts of every instance.",
    OptOutScope.INSTANCE: "A STOP stops the texts of the instance whose number was written to.",
}


@click.command(
    "opt-out-scope",
    epilog="""\b
Examples:
  outbound-sms admin opt-out-scope
  outbound-sms admin opt-out-scope instance
""",
)
@click.argument(
    "scope", type=click.Choice(["all", "instance"], case_sensitive=False), required=False
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_database
def opt_out_scope(database: str, scope: str | None, as_json: bool) -> None:
    """Shows or sets whom a STOP stops: `all` instances, or the `instance` that was written to.

    Ask your lawyers before you leave `all`, the default. What was suppressed before a change stays
    suppressed for whom it was; what a carrier reports and what is imported stops every instance.
    """

    async def work(connection: asyncpg.Connection) -> OptOutScope:
        if scope is not None:
            await set_opt_out_scope(connection, OptOutScope[scope.upper()])
        return await get_opt_out_scope(connection)

    # The server's own roles may not change it.
    now = run_on(database, work, role=None)
    if as_json:
        print_json({"scope": now.name})
    else:
        console.print(_MEANING[now])
