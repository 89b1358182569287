"""What each way of breaking a call means, against a server that is nothing but a socket.

The server counts the requests it was sent: no broken POST may ever be repeated by a layer below.
"""

import asyncio
import socket

import pytest

from outbound_sms.carriers.carrier import Accepted, InDoubt, NotSent, Outcome
from tests.broken_calls import (
    answer,
    answer_then_reset_the_next,
    answer_whatever_comes,
    breaking_calls,
    hang_after_request,
)
from tests.carriers.harness import Connect, MakeSubmission
from tests.raw_server import StartServer, never_connecting

ACCEPTED = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n"
    b'{"sid": "SM1"}'
)
IN_DOUBT = breaking_calls(ACCEPTED)


@pytest.mark.parametrize("name", IN_DOUBT)
async def test_a_call_that_breaks_after_it_began_is_in_doubt_and_not_repeated(
    name: str, raw_server: StartServer, connect: Connect, submission: MakeSubmission
) -> None:
    server = raw_server(IN_DOUBT[name])
    total_timeout = 0.4 if "hangs" in name else 5.0
    async with connect(server.url, total_timeout=total_timeout) as carrier:
        outcome = await carrier.submit(submission())
    assert isinstance(outcome, InDoubt), outcome
    assert server.connections == 1
    assert server.requests <= 1


async def test_a_whole_answer_is_accepted_by_the_same_server(
    raw_server: StartServer, connect: Connect, submission: MakeSubmission
) -> None:
    server = raw_server(answer(ACCEPTED))
    async with connect(server.url) as carrier:
        assert await carrier.submit(submission()) == Accepted("SM1")


async def test_a_kept_connection_that_dies_under_a_second_message_is_not_tried_again(
    raw_server: StartServer, connect: Connect, submission: MakeSubmission
) -> None:
    server = raw_server(answer_then_reset_the_next(ACCEPTED))
    async with connect(server.url) as carrier:
        assert await carrier.submit(submission()) == Accepted("SM1")
        assert isinstance(await carrier.submit(submission()), InDoubt)
    assert (server.connections, server.requests) == (1, 2)


async def test_a_refused_connection_is_not_sent(
    connect: Connect, submission: MakeSubmission
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with connect(f"http://127.0.0.1:{unused.getsockname()[1]}") as carrier:
            assert isinstance(await carrier.submit(submission()), NotSent)


async def test_a_host_without_an_address_is_not_sent(
    connect: Connect, submission: MakeSubmission
) -> None:
    async with connect("http://carrier.invalid") as carrier:
        assert isinstance(await carrier.submit(submission()), NotSent)


async def test_a_connection_that_is_never_made_is_not_sent(
    connect: Connect, submission: MakeSubmission
) -> None:
    with never_connecting() as url:
        async with connect(url, connect_timeout=0.2) as carrier:
            outcome = await carrier.submit(submission())
    assert isinstance(outcome, NotSent), outcome


async def test_a_message_that_waited_in_vain_for_a_free_connection_is_not_sent(
    raw_server: StartServer, connect: Connect, submission: MakeSubmission
) -> None:
    server = raw_server(hang_after_request)
    async with connect(
        server.url, connections=1, total_timeout=0.6, connect_timeout=0.2
    ) as carrier:
        first, second = await asyncio.gather(
            carrier.submit(submission()), carrier.submit(submission())
        )
    assert isinstance(first, InDoubt)
    assert isinstance(second, NotSent)
    assert server.requests == 1


async def test_a_peer_that_does_not_speak_tls_is_not_sent(
    raw_server: StartServer, connect: Connect, submission: MakeSubmission
) -> None:
    server = raw_server(answer_whatever_comes(ACCEPTED))
    async with connect(server.url.replace("http:", "https:")) as carrier:
        outcome: Outcome = await carrier.submit(submission())
    assert isinstance(outcome, NotSent), outcome


async def test_after_close_nothing_is_sent(
    raw_server: StartServer, connect: Connect, submission: MakeSubmission
) -> None:
    server = raw_server(answer(ACCEPTED))
    async with connect(server.url) as carrier:
        await carrier.close()
        assert isinstance(await carrier.submit(submission()), NotSent)
    assert server.connections == 0


async def test_the_error_text_of_a_broken_call_does_not_quote_the_carrier(
    raw_server: StartServer, connect: Connect, submission: MakeSubmission
) -> None:
    server = raw_server(answer(b"HTTP/1.1 2x1 +14165550123\r\n\r\n"))
    async with connect(server.url) as carrier:
        outcome = await carrier.submit(submission())
    assert isinstance(outcome, InDoubt)
    assert "5550123" not in outcome.cause
