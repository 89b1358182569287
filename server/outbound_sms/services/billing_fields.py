"""Balances, entries of the ledger and statements as they are sent."""

from outbound_sms.domain.ledger import Amounts, LedgerEntry, Statement, StatementLine
from outbound_sms.rpc.fields import to_timestamp
from outbound_sms.store.balances import Balance
from outboundsms.v1 import billing_pb2 as pb


def show_balance(balance: Balance) -> pb.Balance:
    """The balance as the contract has it."""
    return pb.Balance(
        available_micros=balance.available_micros,
        held_micros=balance.held_micros,
        spent_micros=balance.spent_micros,
        currency=balance.currency,
        low_funds=balance.low_funds,
        low_funds_threshold_micros=balance.low_funds_threshold_micros,
        low_funds_time=to_timestamp(balance.low_funds_time),
        waits_until=to_timestamp(balance.waits_until),
        requeueable_messages=balance.requeueable_messages,
        requeueable_cost_micros=balance.requeueable_cost_micros,
    )


def show_ledger_entry(entry: LedgerEntry) -> pb.LedgerEntry:
    """The entry as the contract has it."""
    return pb.LedgerEntry(
        ledger_entry_id=entry.id,
        entry_time=to_timestamp(entry.entry_time),
        kind=pb.LedgerEntryKind.ValueType(entry.kind),
        amount_micros=entry.amount_micros,
        message_id=str(entry.message_id or ""),
        top_up_id=str(entry.top_up_id or ""),
        available_micros=entry.moved.available_micros,
        held_micros=entry.moved.held_micros,
        spent_micros=entry.moved.spent_micros,
        note=entry.note,
    )


def show_statement(statement: Statement) -> pb.GetStatementResponse:
    """The statement as the contract has it."""
    return pb.GetStatementResponse(
        month=str(statement.month),
        time_zone=statement.time_zone,
        currency=statement.currency,
        opening=_show_amounts(statement.opening),
        lines=map(_show_line, statement.lines),
        closing=_show_amounts(statement.closing),
    )


def _show_line(line: StatementLine) -> pb.StatementLine:
    return pb.StatementLine(
        date=line.day.isoformat(),
        kind=pb.LedgerEntryKind.ValueType(line.kind),
        entries=line.entries,
        billable_segments=line.billable_segments,
        available_micros=line.moved.available_micros,
        held_micros=line.moved.held_micros,
        spent_micros=line.moved.spent_micros,
    )


def _show_amounts(amounts: Amounts) -> pb.StatementBalance:
    return pb.StatementBalance(
        available_micros=amounts.available_micros,
        held_micros=amounts.held_micros,
        spent_micros=amounts.spent_micros,
    )
