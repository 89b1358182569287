"""The carriers' TOML file: what it takes, and that all its mistakes are told at once."""

from pathlib import Path

import pytest

from outbound_sms.carriers.carrier import Capabilities
from outbound_sms.carriers.configuration import CarrierConfigurationError, load, parse

COMPLETE = """
[carrier.primary]
kind = "twilio"
account_sid = "AC1"
auth_token = "first"
second_auth_token = "second"
base_url = "https://carrier.example.net:8443/"
lookup = false
connections = 8
total_timeout = 20
connect_timeout = 2.5
keepalive = 5

[carrier.spare]
kind = "twilio"
account_sid = "AC2"
auth_token = "other"
"""


async def test_a_file_gives_its_carriers_by_name(tmp_path: Path) -> None:
    path = tmp_path / "carriers.toml"
    path.write_text(COMPLETE)
    carriers = load(path)
    assert {name: carrier.name for name, carrier in carriers.items()} == {
        "primary": "primary",
        "spare": "spare",
    }
    assert carriers["primary"].capabilities == Capabilities(
        lookup=False, idempotency_key=False, receipts=True, calls=8, longest_call=20.0
    )
    assert carriers["spare"].capabilities.lookup
    for carrier in carriers.values():
        await carrier.close()


def test_all_problems_are_told_at_once_with_their_keys() -> None:
    with pytest.raises(CarrierConfigurationError) as caught:
        parse(
            {
                "carriers": {},
                "carrier": {
                    "a": {
                        "kind": "twilio",
                        "account_sid": "AC:1",
                        "auth_token": "",
                        "base_url": "ftp://host",
                        "lookup": "yes",
                        "connections": 0,
                        "total_timeout": -1,
                        "connect_timeout": True,
                        "keepalive": float("nan"),
                        "token": "x",
                    },
                    "b": {"kind": "smoke-signals"},
                    "c": {"kind": "twilio"},
                    "d": 7,
                    "e": {
                        "kind": "twilio",
                        "account_sid": "AC1",
                        "auth_token": "secret-value",
                        "connect_timeout": 15,
                    },
                },
            }
        )
    assert {problem.partition(":")[0] for problem in caught.value.problems} == {
        "carriers",
        "carrier.a.account_sid",
        "carrier.a.auth_token",
        "carrier.a.base_url",
        "carrier.a.lookup",
        "carrier.a.connections",
        "carrier.a.total_timeout",
        "carrier.a.connect_timeout",
        "carrier.a.keepalive",
        "carrier.a.token",
        "carrier.b.kind",
        "carrier.c.account_sid",
        "carrier.c.auth_token",
        "carrier.d",
        "carrier.e.connect_timeout",
    }
    assert "secret-value" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[carrier]", "carrier = 7"])
def test_a_file_without_a_carrier_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "carriers.toml"
    path.write_text(text)
    with pytest.raises(CarrierConfigurationError, match="define at least one"):
        load(path)


def test_a_file_that_is_not_toml_or_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "carriers.toml"
    with pytest.raises(CarrierConfigurationError, match=r"carriers\.toml: cannot be read"):
        load(path)
    for content in (b"[carrier", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(CarrierConfigurationError, match=r"carriers\.toml: is not TOML"):
            load(path)
