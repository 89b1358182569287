"""What the operator sets, and how mistakes are told."""

from dataclasses import fields
from pathlib import Path

import pytest

from outbound_sms.settings import VARIABLES, Settings, SettingsError, describe


def test_without_variables_the_defaults_hold() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"DATABASE_URL": "  ", "HOME": "x"}) == Settings()


def test_every_setting_has_a_variable_and_is_described() -> None:
    assert {v.field for v in VARIABLES} == {f.name for f in fields(Settings)}
    assert len({v.name for v in VARIABLES}) == len(VARIABLES)
    described = describe()
    assert all(variable.name in described for variable in VARIABLES)
    assert "Default: api,dispatcher,webhooks." in described


def test_variables_are_read() -> None:
    given = {
        "DATABASE_URL": "postgresql://sms@db/sms",
        "OUTBOUND_SMS_LISTEN": "0.0.0.0:0",
        "OUTBOUND_SMS_PUBLIC_URL": "https://sms.example.net/hooks/",
        "OUTBOUND_SMS_CARRIERS": "carriers.toml",
        "OUTBOUND_SMS_ROLES": "api, webhooks",
        "OUTBOUND_SMS_PROCESSES": "2",
        "OUTBOUND_SMS_REFLECTION": "0",
        "OUTBOUND_SMS_LOG_LEVEL": "warning",
        "OUTBOUND_SMS_DRAIN_WAIT": "0.5",
        "OUTBOUND_SMS_STREAM_LIMIT_PER_INSTANCE": "3",
    }
    settings = Settings.from_environment(given)
    assert settings.database_url == "postgresql://sms@db/sms"
    assert settings.listen == "0.0.0.0:0"
    assert settings.public_url == "https://sms.example.net/hooks"
    assert settings.carriers_file == Path("carriers.toml")
    assert settings.roles == {"api", "webhooks"}
    assert (settings.processes, settings.reflection) == (2, False)
    assert (settings.log_level, settings.drain_wait) == ("WARNING", 0.5)
    assert settings.limits().streams_per_instance == 3


def test_all_mistakes_are_told_at_once_by_their_names() -> None:
    wrong = {
        "DATABASE_URL": "mysql://db",
        "OUTBOUND_SMS_LISTEN": "50051",
        "OUTBOUND_SMS_HTTP_LISTEN": "host:99999",
        "OUTBOUND_SMS_PUBLIC_URL": "sms.example.net",
        "OUTBOUND_SMS_ROLES": "api,everything",
        "OUTBOUND_SMS_PROCESSES": "0",
        "OUTBOUND_SMS_REFLECTION": "yes",
        "OUTBOUND_SMS_LOG_LEVEL": "loud",
        "OUTBOUND_SMS_DRAIN_WAIT": "nan",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(wrong)
    assert [problem.split()[0] for problem in caught.value.problems] == list(wrong)
