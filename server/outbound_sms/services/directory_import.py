"""Imports of subscribers, as a stream of rows."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from outbound_sms.domain.errors import Violations
from outbound_sms.domain.import_row import read_row
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.once import Once
from outbound_sms.services.list_fields import check_length
from outbound_sms.store import consent
from outbound_sms.store.import_rows import ImportOutcome, import_rows
from outbound_sms.store.pool import Connection, Pool
from outboundsms.v1 import directory_pb2 as pb

MOST_ROWS = 1_000
MOST_AT_ONCE = 2
_ROWS_BETWEEN_OTHER_CALLS = 50


class ImportMethod:
    """The part of `outboundsms.v1.Directory` that takes files in."""

    _pool: Pool
    _once: Once
    _importing: asyncio.Semaphore

    async def Import(
        self, requests: AsyncIterator[pb.ImportRequest], context: Any
    ) -> AsyncIterator[pb.ImportResponse]:
        async for request in requests:
            # An import of an instance waits for the others while it holds a connection. Without a
            # limit a few of them would leave none for anybody else.
            async with self._importing:
                response = await self._import_rows(request)
            yield response

    async def _import_rows(self, request: pb.ImportRequest) -> pb.ImportResponse:
        _check_request(request)
        caller = current_caller()
        now = await consent.now(self._pool)
        rows = []
        for index, row in enumerate(request.rows):
            rows.append(read_row(row.line, row.values, now))
            if index % _ROWS_BETWEEN_OTHER_CALLS == 0:
                await asyncio.sleep(0)

        async def work(db: Connection) -> pb.ImportResponse:
            outcome = await import_rows(db, caller.instance_id, rows, caller.key_name)
            return _show(outcome, [row.line for row in rows])

        return await self._once.run(request, pb.ImportResponse, work)


def _check_request(request: pb.ImportRequest) -> None:
    """Raises InvalidRequest for what no single row can be blamed for; that ends the stream."""
    violations = Violations()
    if check_length(violations, "rows", len(request.rows), MOST_ROWS, fewest=1):
        for index, row in enumerate(request.rows):
            if row.line < 1:
                violations.add(f"rows[{index}].line", "is not a line of a file; count from 1")
    violations.raise_if_any()


def _show(outcome: ImportOutcome, lines: list[int]) -> pb.ImportResponse:
    changes = outcome.changes
    return pb.ImportResponse(
        accepted=sum(not refused for refused in outcome.refusals),
        accounts_created=len(changes.new_accounts),
        accounts_changed=len(changes.changed_accounts),
        contacts_created=len(changes.new_contacts),
        contacts_changed=len(changes.changed_contacts),
        phone_numbers_created=len(changes.new_numbers),
        phone_numbers_changed=len(changes.changed_numbers),
        refused=[
            pb.RefusedRow(line=line, column=refusal.column, reason=refusal.reason)
            for line, refused in zip(lines, outcome.refusals, strict=True)
            for refusal in refused
        ],
    )
