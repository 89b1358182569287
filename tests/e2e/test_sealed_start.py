"""A server with sealed secrets starts and uses them; one that cannot open them does not start."""

from datetime import UTC, datetime
from pathlib import Path

from aiohttp import ClientSession

from outbound_sms.carriers import signature
from outbound_sms.cli.child import Child
from outbound_sms.sealed_secret import seal
from outbound_sms.sealing_keys import SealingKeys, add_key_line, make_key_line, read_sealing_keys
from outbound_sms.store.pool import Pool
from tests.e2e.processes import run_program

TOKEN, STRIPE = "the-token-of-the-carrier", "sk_the_key_of_the_gateway"


def write_files(folder: Path, keys: SealingKeys) -> dict[str, str]:
    """A carriers' and a payments file with sealed secrets, and the environment that names them."""
    carriers, payments = folder / "carriers.toml", folder / "payments.toml"
    token = seal(keys, "carrier.primary.auth_token", TOKEN)
    carriers.write_text(
        f'[carrier.primary]\nkind = "twilio"\naccount_sid = "AC1"\nauth_token = "{token}"\n'
    )
    payments.write_text(f'kind = "stripe"\napi_key = "{seal(keys, "api_key", STRIPE)}"\n')
    return {
        "OUTBOUND_SMS_CARRIERS": str(carriers),
        "OUTBOUND_SMS_PAYMENTS": str(payments),
        "OUTBOUND_SMS_SEALING_KEYS": str(folder / "keys"),
        "OUTBOUND_SMS_HTTP_LISTEN": "127.0.0.1:0",
        "OUTBOUND_SMS_DRAIN_WAIT": "0",
    }


async def test_a_server_opens_sealed_secrets_and_never_writes_them(
    pool: Pool, database_url: str, tmp_path: Path
) -> None:
    add_key_line(tmp_path / "keys", make_key_line(datetime.now(UTC))[1])
    environment = write_files(tmp_path, read_sealing_keys(tmp_path / "keys"))
    log = tmp_path / "server.log"
    server = Child(
        "server",
        ["serve", "--roles", "webhooks"],
        environment={
            **environment,
            "DATABASE_URL": database_url,
            "OUTBOUND_SMS_LOG_LEVEL": "DEBUG",
        },
        log=log,
    )
    try:
        url = (await server.start("http"))["http"] + "/inbound/primary"
        form = {"MessageSid": "SM1", "From": "+12125550101", "To": "+12125550100", "Body": "hello"}
        async with ClientSession() as session:
            for token, status in ((TOKEN, 200), ("another", 403)):
                signed = {signature.HEADER: signature.sign(token, url, form.items())}
                async with session.post(url, data=form, headers=signed) as response:
                    assert response.status == status
    finally:
        await server.stop()
    logged = log.read_text(encoding="utf-8")
    assert '"serving"' in logged
    assert "plain secret" not in logged
    assert TOKEN not in logged
    assert STRIPE not in logged


async def test_a_server_that_cannot_open_its_secrets_says_so_before_anything_starts(
    tmp_path: Path,
) -> None:
    environment = write_files(tmp_path, SealingKeys("lost", {"lost": bytes(32)}))
    add_key_line(tmp_path / "keys", make_key_line(datetime.now(UTC))[1])
    ran = await run_program("serve", folder=tmp_path, environment=environment)
    assert ran.code != 0
    assert "carrier.primary.auth_token: is sealed with the key lost" in ran.errors
    (tmp_path / "keys").chmod(0o644)
    ran = await run_program("serve", folder=tmp_path, environment=environment)
    assert ran.code != 0
    assert "OUTBOUND_SMS_SEALING_KEYS is wrong" in ran.errors
    assert "chmod 600" in ran.errors
    assert "Traceback" not in ran.errors
