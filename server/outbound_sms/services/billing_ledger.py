"""The ledger of an instance: its entries and its statements."""

from typing import Any

from outbound_sms.domain.errors import InvalidRequest, Violations
from outbound_sms.domain.month import Month, parse_month
from outbound_sms.rpc.caller import current_caller
from outbound_sms.rpc.fields import check_enum, parse_id, to_datetime
from outbound_sms.rpc.once import ACQUIRE_TIMEOUT
from outbound_sms.rpc.pages import Pages
from outbound_sms.services.billing_fields import show_ledger_entry, show_statement
from outbound_sms.store import ledger
from outbound_sms.store.ledger import LedgerFilter
from outbound_sms.store.pool import Pool
from outboundsms.v1 import billing_pb2 as pb


class LedgerMethods:
    """The part of `outboundsms.v1.Billing` about the ledger."""

    _pool: Pool
    _pages: Pages

    async def ListLedgerEntries(
        self, request: pb.ListLedgerEntriesRequest, context: Any
    ) -> pb.ListLedgerEntriesResponse:
        page = self._pages.read(request)
        wanted = _read_filter(request)
        before = None if page.after is None else int(page.after)
        instance_id = current_caller().instance_id
        async with (
            self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection,
            connection.transaction(readonly=True),
        ):
            books = await ledger.get_bookkeeping(connection, instance_id)
            found = await ledger.list_entries(
                connection, instance_id, wanted, before, page.size + 1
            )
        shown = found[: page.size]
        more = len(found) > page.size
        return pb.ListLedgerEntriesResponse(
            ledger_entries=map(show_ledger_entry, shown),
            next_page_token=self._pages.next_token(request, str(shown[-1].id)) if more else "",
            currency=books.currency,
        )

    async def GetStatement(
        self, request: pb.GetStatementRequest, context: Any
    ) -> pb.GetStatementResponse:
        month = _read_month(request.month)
        instance_id = current_caller().instance_id
        async with (
            self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            books = await ledger.get_bookkeeping(connection, instance_id)
            if month is not None and month > books.this_month:
                raise InvalidRequest.of(
                    "month", f"has still to begin; give {books.this_month} or an earlier one"
                )
            statement = await ledger.make_statement(
                connection, instance_id, month or books.this_month, books
            )
        return show_statement(statement)


def _read_filter(request: pb.ListLedgerEntriesRequest) -> LedgerFilter:
    """The filters of a list. Raises InvalidRequest."""
    violations = Violations()
    for kind in request.kinds:
        if kind:
            check_enum(violations, "kinds", kind, pb.LedgerEntryKind)
    start, end = [
        to_datetime(violations, field, getattr(request, field) if request.HasField(field) else None)
        for field in ("start_time", "end_time")
    ]
    if start is not None and end is not None and start >= end:
        violations.add("end_time", "is not after start_time; give a later one")
    wanted = LedgerFilter(
        # An unspecified kind is any, so it makes the others needless.
        kinds=[] if 0 in request.kinds else list(request.kinds),
        message_id=parse_id(violations, "message_id", request.message_id, required=False),
        start=start,
        end=end,
    )
    violations.raise_if_any()
    return wanted


def _read_month(text: str) -> Month | None:
    """The month, or None for the one that it is. Raises InvalidRequest."""
    if not text:
        return None
    try:
        return parse_month(text)
    except ValueError as error:
        raise InvalidRequest.of("month", str(error)) from None
