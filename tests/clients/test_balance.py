"""The watch of the balance, against a server that ends its streams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import pytest

from outboundsms import OutboundSmsError, connect
from outboundsms import interruption as interruptions
from outboundsms.v1 import billing_pb2
from tests.cli.scripted import scripted
from tests.clients.scripted import fail


def answer(available: int) -> billing_pb2.WatchBalanceResponse:
    balance = billing_pb2.Balance(available_micros=available)
    return billing_pb2.WatchBalanceResponse(balance=balance)


async def test_it_goes_on_after_any_end_until_an_error_that_does_not_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interruptions, "FIRST_DELAY", 0.01)

    async def ends(_request: Any, _context: Any) -> AsyncIterator[Any]:
        yield answer(1)

    async def breaks(_request: Any, context: Any) -> AsyncIterator[Any]:
        yield answer(2)
        await fail(context, grpc.StatusCode.UNAVAILABLE, "STREAM_TIME_LIMIT")

    async def refuses(_request: Any, context: Any) -> AsyncIterator[Any]:
        yield answer(3)
        await fail(context, grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")

    found, told = [], []
    async with (
        scripted({"Billing.WatchBalance": [ends, breaks, refuses]}) as terminal,
        connect(terminal.address, "key") as client,
        asyncio.timeout(10),
        aclosing(
            client.watch_balance(on_interruption=lambda error, _: told.append(error.reason))
        ) as watched,
    ):
        with pytest.raises(OutboundSmsError) as failure:
            async for each in watched:
                found.append(each.balance.available_micros)
    assert found == [1, 2, 3]
    assert told == ["", "STREAM_TIME_LIMIT"]
    assert failure.value.reason == "PERMISSION_MISSING"
