"""`outbound-sms admin check-ledger`: proves the ledger right while it is in use."""

import time
from uuid import UUID

import asyncpg
import click
from rich.text import Text

from outbound_sms.cli.database import on_database, run_on
from outbound_sms.cli.output import console, print_json
from outbound_sms.store.ledger_check import INVARIANTS, LedgerCheck, examine_ledger

MOST_ROWS = 20


@click.command(
    "check-ledger",
    epilog="""\b
Examples:
  outbound-sms admin check-ledger
  outbound-sms admin check-ledger --instance INSTANCE_ID --json
""",
)
@click.option("--instance", "instance_id", type=click.UUID, help="Only this one. [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@on_database
def check_ledger(database: str, instance_id: UUID | None, as_json: bool) -> None:
    """Checks the invariants of the ledger, I1 to I6, on the live database. Changes nothing.

    \b
    I1  the amounts of each balance are the sums of its entries
    I2  what is held is the sum of the holds that are open, each of a text in the queue
    I3  a text that was sent has one hold and one capture, of its price
    I4  one that was not sent has nothing captured, and nothing held once it failed
    I5  money comes in by top-ups and adjustments only, and each top-up once
    I6  nothing is both captured and released

    Ends with 1 when one is broken, and shows up to 20 rows that break it. Texts are sent meanwhile;
    the check sees the ledger as it was at one moment.
    """
    began = time.monotonic()

    async def work(connection: asyncpg.Connection) -> LedgerCheck:
        return await examine_ledger(connection, instance_id, MOST_ROWS)

    checked = run_on(database, work)
    if instance_id is not None and checked.instances == 0:
        raise click.BadParameter(
            "There is no such instance: see `outbound-sms admin instances list`.",
            param_hint="--instance",
        )
    _show(checked, time.monotonic() - began, as_json)
    if checked.violations:
        raise SystemExit(1)


def _show(checked: LedgerCheck, seconds: float, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "ok": not checked.violations,
                "instances": checked.instances,
                "entries": checked.entries,
                "texts": checked.texts,
                "seconds": round(seconds, 3),
                "violations": [
                    {
                        "invariant": each.invariant,
                        "instance_id": str(each.instance_id),
                        "id": str(each.subject_id),
                        "text": each.text,
                    }
                    for each in checked.violations
                ],
            }
        )
        return
    console.print(
        f"Checked {INVARIANTS[0]} to {INVARIANTS[-1]}: instances {checked.instances:,}, "
        f"entries {checked.entries:,}, texts {checked.texts:,}, in {seconds:.1f} s.",
        soft_wrap=True,
    )
    if not checked.violations:
        console.print("OK")
        return
    for each in checked.violations:
        line = f"{each.invariant}  instance {each.instance_id}  id {each.subject_id}  {each.text}"
        console.print(Text(line), soft_wrap=True)
    console.print(
        "The ledger is broken; amounts are micros. Keep a copy (pg_dump), find out what wrote to "
        "the tables besides this program, and put balances right with `outbound-sms admin "
        "adjust-balance`: entries are never changed.",
        soft_wrap=True,
    )
