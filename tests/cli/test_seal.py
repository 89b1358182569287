"""`outbound-sms admin make-sealing-key` and `seal`: on files, without a server."""

import json
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from outbound_sms.cli.admin import seal as module
from outbound_sms.cli.admin.command import admin
from outbound_sms.sealed_secret import open_sealed
from outbound_sms.sealing_keys import read_sealing_keys

SECRET = "correct horse battery staple"
KEY = "carrier.twilio.auth_token"


def run(*arguments: str, typed: str = "", keys: Path | None = None) -> Result:
    environment = {"OUTBOUND_SMS_SEALING_KEYS": str(keys) if keys else None, "COLUMNS": "40"}
    return CliRunner().invoke(admin, arguments, input=typed, env=environment)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "sealing keys"
    assert run("make-sealing-key", "--file", str(file)).exit_code == 0
    return file


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_from_standard_input_gives_the_line_to_paste(keys: Path, end: str) -> None:
    ran = run("seal", KEY, typed=SECRET + end, keys=keys)
    assert ran.exit_code == 0, ran.output
    name, _, value = ran.stdout.strip().partition(" = ")
    assert name == "auth_token"
    assert open_sealed(read_sealing_keys(keys), KEY, json.loads(value)) == SECRET
    assert ran.stderr == "Put this into [carrier.twilio] of the carriers' file:\n"
    assert SECRET not in ran.output


def test_a_secret_that_is_typed_is_asked_for_twice_and_never_shown(
    keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    asked: list[dict[str, object]] = []

    def prompt(text: str, **options: object) -> str:
        asked.append(options)
        return SECRET

    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert module._read_secret() == SECRET
    assert asked == [{"hide_input": True, "confirmation_prompt": True, "err": True}]


def test_json_has_the_sealed_text_and_its_key(keys: Path) -> None:
    ran = run("seal", "api_key", "--json", typed="sk_live_1", keys=keys)
    shown = json.loads(ran.stdout)
    assert (shown["key"], shown["sealing_key_id"]) == ("api_key", read_sealing_keys(keys).sealing)
    assert open_sealed(read_sealing_keys(keys), "api_key", shown["sealed"]) == "sk_live_1"
    assert ran.stderr == ""


@pytest.mark.parametrize(
    "key", ["carrier.twilio.token", "carrier.auth_token", "carrier..auth_token", "auth_token", ""]
)
def test_a_key_that_no_file_has_is_refused_before_the_secret_is_read(keys: Path, key: str) -> None:
    ran = run("seal", key, typed=SECRET, keys=keys)
    assert ran.exit_code == 2
    assert "KEY" in ran.stderr
    assert SECRET not in ran.output


@pytest.mark.parametrize(
    ("typed", "said"), [("", "empty"), (" \n", "empty"), ("a\nb\n", "more than one line")]
)
def test_what_cannot_be_a_secret_is_refused(keys: Path, typed: str, said: str) -> None:
    ran = run("seal", KEY, typed=typed, keys=keys)
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert said in ran.stderr


def test_what_is_sealed_already_is_not_sealed_again(keys: Path) -> None:
    sealed = json.loads(run("seal", KEY, "--json", typed=SECRET, keys=keys).stdout)["sealed"]
    assert "sealed already" in run("seal", KEY, typed=sealed, keys=keys).stderr


def test_a_secret_cannot_be_given_as_an_argument(keys: Path) -> None:
    assert run("seal", KEY, SECRET, keys=keys).exit_code == 2


def test_keys_that_others_may_read_are_refused(keys: Path) -> None:
    keys.chmod(0o644)
    ran = run("seal", KEY, typed=SECRET, keys=keys)
    assert ran.exit_code == 1
    assert "chmod 600" in ran.stderr
    again = run("make-sealing-key", "--file", str(keys))
    assert again.exit_code == 1
    assert "chmod 600" in again.stderr


def test_without_keys_the_option_and_its_variable_are_named() -> None:
    ran = run("seal", KEY, typed=SECRET)
    assert ran.exit_code == 2
    assert "OUTBOUND_SMS_SEALING_KEYS" in ran.stderr


def test_a_second_key_seals_and_the_first_still_opens(keys: Path) -> None:
    first = json.loads(run("seal", KEY, "--json", typed=SECRET, keys=keys).stdout)
    made = json.loads(run("make-sealing-key", "--file", str(keys), "--json").stdout)
    second = json.loads(run("seal", KEY, "--json", typed=SECRET, keys=keys).stdout)
    assert made["file"] == str(keys)
    assert second["sealing_key_id"] == made["sealing_key_id"] != first["sealing_key_id"]
    for each in (first, second):
        assert open_sealed(read_sealing_keys(keys), KEY, each["sealed"]) == SECRET


def test_without_a_file_the_line_alone_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.touch(mode=0o600)
    file.write_text(run("make-sealing-key").stdout)
    assert len(read_sealing_keys(file).keys) == 1
    shown = json.loads(run("make-sealing-key", "--json").stdout)
    assert shown["line"].startswith(shown["sealing_key_id"] + " ")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    ran = run("make-sealing-key", "--file", str(tmp_path / "no" / "keys"))
    assert ran.exit_code == 1
    assert "cannot be written" in ran.stderr
