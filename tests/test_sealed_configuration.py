"""Sealed secrets in the carriers' and the payments file, and what is said of plain ones."""

from dataclasses import fields
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from outbound_sms.carriers import configuration as carriers
from outbound_sms.carriers import signature
from outbound_sms.carriers.configuration import CarrierConfigurationError
from outbound_sms.carriers.twilio import TwilioCarrier
from outbound_sms.configuration_file import ConfigurationError, secret_keys
from outbound_sms.payments import configuration as payments
from outbound_sms.payments.configuration import PaymentConfigurationError
from outbound_sms.sealed_secret import seal
from outbound_sms.sealing_keys import SealingKeys
from tests.carriers.harness import form_callback

KEYS = SealingKeys("k1", {"k1": bytes(32)})
TOKEN, SECOND, STRIPE = "the-first-token", "the-second-token", "sk_the_key"
URL = "https://sms.example.net/receipts/primary"


def carriers_file(folder: Path, **values: str) -> Path:
    lines = "".join(f'{key} = "{value}"\n' for key, value in values.items())
    file = folder / "carriers.toml"
    file.write_text(f'[carrier.primary]\nkind = "twilio"\naccount_sid = "AC1"\n{lines}')
    return file


def problems_of(error: pytest.ExceptionInfo[ConfigurationError]) -> list[str]:
    assert not any(secret in str(error.value) for secret in (TOKEN, SECOND, STRIPE))
    return list(error.value.problems)


async def test_sealed_secrets_of_a_carrier_are_opened_and_not_warned_of(tmp_path: Path) -> None:
    file = carriers_file(
        tmp_path,
        auth_token=seal(KEYS, "carrier.primary.auth_token", TOKEN),
        second_auth_token=seal(KEYS, "carrier.primary.second_auth_token", SECOND),
    )
    with capture_logs() as logs:
        carrier = carriers.load(file, KEYS)["primary"]
    assert logs == []
    assert isinstance(carrier, TwilioCarrier)
    for token in (TOKEN, SECOND):
        assert carrier.verify(
            form_callback({"a": "b"}, URL, signature.sign(token, URL, [("a", "b")]))
        )
    await carrier.close()


async def test_a_sealed_key_of_the_gateway_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "payments.toml"
    file.write_text(f'kind = "stripe"\napi_key = "{seal(KEYS, "api_key", STRIPE)}"\n')
    with capture_logs() as logs:
        await payments.load(file, KEYS).close()
    assert logs == []


async def test_plain_secrets_are_taken_with_a_warning_that_names_them(tmp_path: Path) -> None:
    with capture_logs() as logs:
        file = carriers_file(tmp_path, auth_token=TOKEN, second_auth_token=SECOND)
        await carriers.load(file)["primary"].close()
        await payments.parse({"kind": "stripe", "api_key": STRIPE}, KEYS).close()
    assert [(entry["log_level"], entry["event"], entry["key"]) for entry in logs] == [
        ("warning", "plain secret", "carrier.primary.auth_token"),
        ("warning", "plain secret", "carrier.primary.second_auth_token"),
        ("warning", "plain secret", "api_key"),
    ]
    assert "admin seal api_key" in logs[2]["hint"]
    assert not any(secret in repr(logs) for secret in (TOKEN, SECOND, STRIPE))


def test_every_secret_that_does_not_open_is_a_problem_with_its_key_and_told_once(
    tmp_path: Path,
) -> None:
    file = carriers_file(
        tmp_path,
        # Moved from one key to the other.
        auth_token=seal(KEYS, "carrier.primary.second_auth_token", SECOND),
        second_auth_token="sealed:k2:AAAA",
        base_url=seal(KEYS, "carrier.primary.base_url", "https://carrier.example.net"),
        keepalive="soon",
    )
    with pytest.raises(CarrierConfigurationError) as caught:
        carriers.load(file, KEYS)
    problems = problems_of(caught)
    assert [problem.partition(":")[0] for problem in problems] == [
        "carrier.primary.auth_token",
        "carrier.primary.second_auth_token",
        "carrier.primary.base_url",
        "carrier.primary.keepalive",
    ]
    assert "outbound-sms admin seal carrier.primary.auth_token" in problems[0]
    assert "key k2" in problems[1]
    assert "is no secret" in problems[2]


def test_sealed_secrets_without_keys_say_which_setting_is_missing() -> None:
    document = {"kind": "stripe", "api_key": seal(KEYS, "api_key", STRIPE)}
    with pytest.raises(PaymentConfigurationError) as caught:
        payments.parse(document)
    (problem,) = problems_of(caught)
    assert problem.startswith("api_key: is sealed: set OUTBOUND_SMS_SEALING_KEYS")


def test_what_was_sealed_is_checked_like_what_is_plain() -> None:
    document = {"kind": "stripe", "api_key": seal(KEYS, "api_key", "two words")}
    with pytest.raises(PaymentConfigurationError) as caught:
        payments.parse(document, KEYS)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["api_key"]
    assert "two words" not in str(caught.value)


def test_every_kind_says_what_it_keeps_secret_and_never_shows_it() -> None:
    kinds = [(kind.config, kind.checks) for kind in carriers.KINDS.values()]
    kinds += [(kind.config, kind.checks) for kind in payments.KINDS.values()]
    assert secret_keys(carriers.KINDS["twilio"].config) >= {"auth_token", "second_auth_token"}
    assert secret_keys(payments.KINDS["stripe"].config) == {"api_key"}
    for config, checks in kinds:
        secrets = secret_keys(config)
        assert secrets <= checks.keys()
        for field in fields(config):
            # A field that sounds like one is one.
            sounds = any(word in field.name for word in ("token", "password", "secret", "api_key"))
            assert not sounds or field.name in secrets, (config, field.name)
