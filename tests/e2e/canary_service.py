"""A fleet that serves the ISP with the personal values, and what it answers where it refuses."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import grpc

from outbound_sms.carriers.signature import HEADER, sign
from outbound_sms.store.pool import Pool
from tests.e2e.canary_isp import NAME, PHONES
from tests.e2e.fleet import TOKEN, Fleet
from tests.e2e.processes import Ran, run_program
from tests.services.running import Stubs, Tenant


@dataclass(slots=True)
class Told:
    """Everything that callers of the service were told of failures."""

    texts: list[str] = field(default_factory=list)
    codes: list[grpc.StatusCode] = field(default_factory=list)

    async def refused(self, call: Awaitable[Any]) -> grpc.StatusCode:
        """Keeps all that an RPC answers, which must fail; returns how."""
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            self.codes.append(error.code())
            self.texts.append(error.details() or "")
            self.texts.append(error.debug_error_string() or "")
            for metadata in (error.initial_metadata(), error.trailing_metadata()):
                for key, value in metadata or ():
                    text = value.decode("latin-1") if isinstance(value, bytes) else value
                    self.texts.append(f"{key}: {text}")
            return error.code()
        raise AssertionError(f"it was not refused: {answer}")


@dataclass(slots=True)
class Service:
    """A running fleet and its caller."""

    fleet: Fleet
    pool: Pool
    tenant: Tenant
    target: str
    urls: list[str]
    stubs: Stubs
    session: aiohttp.ClientSession
    folder: Path
    told: Told = field(default_factory=Told)

    async def program(self, *arguments: str, key: str | None = None) -> Ran:
        """A command against the server, whatever comes of it."""
        environment = {
            "OUTBOUND_SMS_TARGET": self.target,
            "OUTBOUND_SMS_API_KEY": key or self.tenant.key,
        }
        return await run_program(*arguments, folder=self.folder, environment=environment)

    async def post(self, address: str, form: dict[str, str], *, signed: bool = True) -> int:
        """Calls a webhook as the carrier does, and keeps what it answers."""
        signature = sign(TOKEN, address, form.items()) if signed else quote(NAME)
        headers = {HEADER: signature, "X-Subscriber": PHONES[0]}
        async with self.session.post(address, data=form, headers=headers) as answer:
            self.told.texts += [f"{key}: {value}" for key, value in answer.headers.items()]
            self.told.texts.append(await answer.text())
            return answer.status

    async def write(self, url: str, octets: bytes) -> bytes:
        """Writes what is no HTTP; returns the answer, which quotes it to whoever wrote it."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(octets)
        answer = await reader.read()
        writer.close()
        return answer
