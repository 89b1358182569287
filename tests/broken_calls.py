"""Scripts of a `RawServer`: the ways in which a POST can break."""

import asyncio

from tests.raw_server import Client, RawServer, Script, readable, reset


def reset_after(count: int) -> Script:
    """Resets when so many bytes of the request were read."""

    async def script(server: RawServer, client: Client) -> None:
        await readable(client)
        left = count
        while left:
            left -= len(await asyncio.get_running_loop().sock_recv(client, left))
        reset(client)

    return script


async def reset_after_request(server: RawServer, client: Client) -> None:
    """Resets instead of answering."""
    await server.read_request(client)
    reset(client)


async def close_after_request(server: RawServer, client: Client) -> None:
    """Ends the connection in order, without an answer."""
    await server.read_request(client)


async def hang_without_reading(server: RawServer, client: Client) -> None:
    """Leaves even the request where it is."""
    await asyncio.Event().wait()


async def hang_after_request(server: RawServer, client: Client) -> None:
    """Reads the request, and never answers."""
    await server.read_request(client)
    await asyncio.Event().wait()


def answer(data: bytes, *, then_hang: bool = False, then_reset: bool = False) -> Script:
    """Answers with these bytes, and closes unless told otherwise."""

    async def script(server: RawServer, client: Client) -> None:
        await server.read_request(client)
        await asyncio.get_running_loop().sock_sendall(client, data)
        if then_hang:
            await asyncio.Event().wait()
        if then_reset:
            reset(client)

    return script


async def redirect_always(server: RawServer, client: Client) -> None:
    """Redirects each request to another path."""
    while True:
        await server.read_request(client)
        await asyncio.get_running_loop().sock_sendall(
            client,
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
        )


def answer_then_reset_the_next(data: bytes) -> Script:
    """Answers the first request of a connection, and resets at the second."""

    async def script(server: RawServer, client: Client) -> None:
        await server.read_request(client)
        await asyncio.get_running_loop().sock_sendall(client, data)
        await server.read_request(client)
        reset(client)

    return script


def answer_whatever_comes(data: bytes) -> Script:
    """Answers in the clear what need not be a request, such as the beginning of TLS."""

    async def script(server: RawServer, client: Client) -> None:
        await asyncio.get_running_loop().sock_recv(client, 65536)
        await asyncio.get_running_loop().sock_sendall(client, data)

    return script


def breaking_calls(whole: bytes) -> dict[str, Script]:
    """Each breaks a POST after it has begun. `whole` is the answer that would be believed.

    Names with "hangs" end with the time-out of the call.
    """
    head, _, body = whole.partition(b"\r\n\r\n")
    status = head.partition(b"\r\n")[0] + b"\r\nContent-Type: application/json\r\n"
    return {
        "reset before a byte was read": reset_after(0),
        "reset after one byte": reset_after(1),
        "reset in mid-request": reset_after(40),
        "reset after the whole request": reset_after_request,
        "closed after the whole request": close_after_request,
        "hangs without reading": hang_without_reading,
        "hangs after the request": hang_after_request,
        "half a status line": answer(b"HTTP/1.1 20"),
        "half of the headers": answer(whole[:30]),
        "half of the headers, then reset": answer(whole[:30], then_reset=True),
        "half of the headers, then hangs": answer(whole[:30], then_hang=True),
        "headers and no body": answer(whole[: -len(body)]),
        "half of the body": answer(whole[:-5]),
        "half of the body, then hangs": answer(whole[:-5], then_hang=True),
        "half of a chunked body": answer(
            status + b"Transfer-Encoding: chunked\r\n\r\n8\r\n" + body[:4]
        ),
        "a body that is not gzip": answer(
            status + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        ),
        "malformed JSON": answer(status + b"Content-Length: 7\r\n\r\n" + body[:7]),
        "no HTTP at all": answer(b"\x00\x01\x02\r\n\r\n"),
        "a header without an end": answer(status + b"A: " + b"a" * 100_000),
        "a redirect": redirect_always,
    }
