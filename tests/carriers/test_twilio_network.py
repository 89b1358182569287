"""What each way of breaking a call means, against a server that is nothing but a socket.

The server counts the requests it was sent: no broken POST may ever be repeated by a layer below.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from outbound_sms.carriers.carrier import Accepted, InDoubt, NotSent, Outcome
from tests.carriers.harness import Connect, MakeSubmission
from tests.carriers.raw_server import ACCEPTED, Client, RawServer, Script, readable, reset

StartServer = Callable[[Script], RawServer]


@pytest.fixture
async def raw_server() -> AsyncIterator[Callable[[Script], RawServer]]:
    started: list[tuple[RawServer, asyncio.Task[None]]] = []

    def start(script: Script) -> RawServer:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        server = RawServer(listener, script)
        started.append((server, asyncio.create_task(server.serve())))
        return server

    yield start
    for server, task in started:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.close()


def reset_after(count: int) -> Script:
    async def script(server: RawServer, client: Client) -> None:
        await readable(client)
        left = count
        while left:
            left -= len(await asyncio.get_running_loop().sock_recv(client, left))
        reset(client)

    return script


async def reset_after_request(server: RawServer, client: Client) -> None:
    await server.read_request(client)
    reset(client)


async def close_after_request(server: RawServer, client: Client) -> None:
    await server.read_request(client)


async def hang_without_reading(server: RawServer, client: Client) -> None:
    await asyncio.Event().wait()


async def hang_after_request(server: RawServer, client: Client) -> None:
    await server.read_request(client)
    await asyncio.Event().wait()


def answer(data: bytes, *, then_hang: bool = False, then_reset: bool = False) -> Script:
    async def script(server: RawServer, client: Client) -> None:
        await server.read_request(client)
        await asyncio.get_running_loop().sock_sendall(client, data)
        if then_hang:
            await asyncio.Event().wait()
        if then_reset:
            reset(client)

    return script


async def redirect_always(server: RawServer, client: Client) -> None:
    while True:
        await server.read_request(client)
        await asyncio.get_running_loop().sock_sendall(
            client,
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
        )


IN_DOUBT: dict[str, Script] = {
    "reset before a byte was read": reset_after(0),
    "reset after one byte": reset_after(1),
    "reset in mid-request": reset_after(40),
    "reset after the whole request": reset_after_request,
    "closed after the whole request": close_after_request,
    "hangs without reading": hang_without_reading,
    "hangs after the request": hang_after_request,
    "half a status line": answer(b"HTTP/1.1 20"),
    "half of the headers": answer(ACCEPTED[:30]),
    "half of the headers, then reset": answer(ACCEPTED[:30], then_reset=True),
    "headers and no body": answer(ACCEPTED[:-14]),
    "half of the body": answer(ACCEPTED[:-5]),
    "half of the body, then hangs": answer(ACCEPTED[:-5], then_hang=True),
    "half of the headers, then hangs": answer(ACCEPTED[:30], then_hang=True),
    "half of a chunked body": answer(
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{'sid"
    ),
    "a body that is not gzip": answer(
        b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: 14\r\n\r\n"
        b'{"sid": "SM1"}'
    ),
    "malformed JSON": answer(b'HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\n{"sid":'),
    "no HTTP at all": answer(b"\x00\x01\x02\r\n\r\n"),
    "a header without an end": answer(b"HTTP/1.1 201 Created\r\nA: " + b"a" * 100_000),
    "a redirect": redirect_always,
}


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
    async def once_and_reset(server: RawServer, client: Client) -> None:
        await server.read_request(client)
        await asyncio.get_running_loop().sock_sendall(client, ACCEPTED)
        await server.read_request(client)
        reset(client)

    server = raw_server(once_and_reset)
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
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        async with connect(f"http://127.0.0.1:{address[1]}", connect_timeout=0.2) as carrier:
            outcome = await carrier.submit(submission())
        for each in waiting:
            each.close()
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
    async def answer_plainly(server: RawServer, client: Client) -> None:
        await asyncio.get_running_loop().sock_recv(client, 65536)
        await asyncio.get_running_loop().sock_sendall(client, ACCEPTED)

    server = raw_server(answer_plainly)
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
