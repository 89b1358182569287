"""The Python client alone, in an environment that has nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "clients" / "python"
SCRIPT = """
import importlib.util, outboundsms
from outboundsms.v1 import delivery_pb2
assert importlib.util.find_spec("outbound_sms") is None
assert importlib.util.find_spec("asyncpg") is None
assert importlib.util.find_spec("aiohttp") is None
async def main():
    async with outboundsms.connect("127.0.0.1:1", "key") as client:
        try:
            await client.delivery.ListMessages(delivery_pb2.ListMessagesRequest())
        except outboundsms.OutboundSmsError as error:
            print("code", error.code().name)
import asyncio
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_client_installs_without_the_servers_dependencies(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(
        CLIENT, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    )
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    pip = [str(python), "-m", "pip", "install", "--quiet", str(source)]
    fast = [str(uv), "pip", "install", "--quiet", "--python", str(python), str(source)]
    if not uv.exists() or subprocess.run(fast).returncode != 0:
        subprocess.run(pip, check=True)
    ran = subprocess.run(
        [python, "-c", SCRIPT], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert ran.stdout.strip() == "code UNAVAILABLE"
