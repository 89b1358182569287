"""What a carriers' file may say of an SMSC."""

from pathlib import Path

import pytest

from outbound_sms.carriers.carrier import Capabilities, ConnectedCarrier
from outbound_sms.carriers.configuration import CarrierConfigurationError, parse
from tests.carriers.smpp.tls_files import make_tls_files

LEAST = {"kind": "smpp", "host": "smsc.example.net", "system_id": "n", "password": "secret-value"}


async def test_an_smsc_needs_a_host_and_a_login(tmp_path: Path) -> None:
    complete = {
        **LEAST,
        "port": 3550,
        "tls": True,
        "ca_file": str(make_tls_files(tmp_path, "smsc.example.net")),
        "system_type": "",
        "window": 100,
        "binds": 2,
        "alphabet": "latin1",
        "long_messages": "sar",
        "message_ids": "hex_response_decimal_receipt",
        "total_timeout": 20,
        "response_timeout": 12,
    }
    carriers = parse({"carrier": {"least": LEAST, "complete": complete}})
    assert carriers["least"].capabilities == Capabilities(
        lookup=False, idempotency_key=False, receipts=True, calls=10, longest_call=15.0
    )
    assert carriers["complete"].capabilities.calls == 200
    assert carriers["complete"].capabilities.longest_call == 20
    for carrier in carriers.values():
        assert isinstance(carrier, ConnectedCarrier)
        await carrier.close()


def test_all_problems_are_told_at_once_and_no_password(tmp_path: Path) -> None:
    broken = {
        "host": " ",
        "port": 0,
        "tls": "yes",
        "ca_file": str(tmp_path / "nowhere.pem"),
        "system_id": "n" * 65,
        "password": "secret-vålue",
        "system_type": 7,
        "window": 1001,
        "binds": 0,
        "alphabet": "morse",
        "long_messages": "pigeon",
        "message_ids": "roman",
        "bind_timeout": 0,
        "enquire_link": -1,
        "throttle_first": True,
        "reconnect_most": 301,
        "speed": 1,
    }
    with pytest.raises(CarrierConfigurationError) as caught:
        parse({"carrier": {"a": {"kind": "smpp", **broken}, "b": {"kind": "smpp"}}})
    told = {problem.partition(":")[0] for problem in caught.value.problems}
    assert told == {f"carrier.a.{key}" for key in broken} | {
        f"carrier.b.{key}" for key in ("host", "system_id", "password")
    }
    assert "secret-v" not in str(caught.value)


@pytest.mark.parametrize("key", ["connect_timeout", "response_timeout"])
def test_a_part_of_a_call_may_not_take_all_its_time(key: str) -> None:
    with pytest.raises(CarrierConfigurationError, match=f"{key}: must be less than total_timeout"):
        parse({"carrier": {"a": {**LEAST, key: 15}}})
