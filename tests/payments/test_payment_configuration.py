"""The gateway's TOML file: what it takes, and that all its mistakes are told at once."""

from pathlib import Path

import pytest

from outbound_sms.payments.configuration import PaymentConfigurationError, load, parse

COMPLETE = """
kind = "stripe"
api_key = "sk_live_secret"
base_url = "https://gateway.example.net:8443/"
total_timeout = 20
connect_timeout = 2.5
keepalive = 5
"""


async def test_a_file_gives_its_gateway(tmp_path: Path) -> None:
    path = tmp_path / "payments.toml"
    path.write_text(COMPLETE)
    gateway = load(path)
    assert (gateway.name, gateway.longest_call) == ("stripe", 20.0)
    await gateway.close()
    path.write_text('kind = "stripe"\napi_key = "sk_live_secret"\n')
    assert load(path).longest_call == 30.0


def test_all_problems_are_told_at_once_with_their_keys_and_without_the_secret() -> None:
    with pytest.raises(PaymentConfigurationError) as caught:
        parse(
            {
                "kind": "stripe",
                "api_key": "secret value",
                "base_url": "http://gateway.example.net",
                "total_timeout": 0,
                "connect_timeout": True,
                "keepalive": float("nan"),
                "token": "x",
            }
        )
    assert {problem.partition(":")[0] for problem in caught.value.problems} == {
        "api_key",
        "base_url",
        "total_timeout",
        "connect_timeout",
        "keepalive",
        "token",
    }
    assert "secret value" not in str(caught.value)


@pytest.mark.parametrize("api_key", ["", " ", "two words", "line\nbreak", "clé", 7, None])
def test_what_cannot_be_a_key_is_refused(api_key: object) -> None:
    with pytest.raises(PaymentConfigurationError, match="api_key: must be"):
        parse({"kind": "stripe", "api_key": api_key})


def test_a_missing_key_and_a_missing_or_unknown_kind_are_refused() -> None:
    with pytest.raises(PaymentConfigurationError, match="api_key: is missing"):
        parse({"kind": "stripe"})
    for document in ({}, {"kind": "barter"}, {"kind": ["stripe"]}):
        with pytest.raises(PaymentConfigurationError, match="kind: must be one of: stripe"):
            parse(document)


def test_connecting_must_end_before_the_whole_call() -> None:
    with pytest.raises(PaymentConfigurationError, match="connect_timeout: must be less"):
        parse({"kind": "stripe", "api_key": "k", "total_timeout": 3})


def test_an_address_that_is_not_a_plain_http_address_is_refused() -> None:
    with pytest.raises(PaymentConfigurationError, match="base_url: must be like"):
        parse({"kind": "stripe", "api_key": "k", "base_url": "ftp://host"})


@pytest.mark.parametrize(
    "host", ["gateway.example.net", "10.0.0.1", "0.0.0.0", "localhost.example.net", "[2001:db8::1]"]
)
def test_a_key_travels_in_the_clear_on_this_machine_only(host: str) -> None:
    with pytest.raises(PaymentConfigurationError, match="base_url: must begin with https://"):
        parse({"kind": "stripe", "api_key": "k", "base_url": f"http://{host}:8080"})
    assert parse({"kind": "stripe", "api_key": "k", "base_url": f"https://{host}:8080"})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "LOCALHOST", "[::1]"])
def test_this_machine_may_be_asked_without_tls(host: str) -> None:
    assert parse({"kind": "stripe", "api_key": "k", "base_url": f"http://{host}:8080"})


def test_a_file_that_is_not_toml_or_not_there_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "payments.toml"
    with pytest.raises(PaymentConfigurationError, match=r"payments\.toml: cannot be read"):
        load(path)
    for content in (b"[stripe", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(PaymentConfigurationError, match=r"payments\.toml: is not TOML"):
            load(path)
