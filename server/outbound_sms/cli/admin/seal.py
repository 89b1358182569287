"""`outbound-sms admin make-sealing-key` and `seal`: secrets of configuration files, encrypted."""

import json
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import click

from outbound_sms.cli.output import errors, print_json, print_whole
from outbound_sms.configuration_file import secret_keys
from outbound_sms.sealed_secret import is_sealed, seal
from outbound_sms.sealing_keys import (
    SealingKeys,
    SealingKeysError,
    add_key_line,
    make_key_line,
    read_sealing_keys,
)
from outbound_sms.settings import SEALING_KEYS

_CARRIER = "carrier."


@click.command(
    "make-sealing-key",
    epilog="""\b
Examples:
  outbound-sms admin make-sealing-key --file /etc/outbound-sms/sealing-keys
  (umask 077 && outbound-sms admin make-sealing-key > sealing-keys)
""",
)
@click.option(
    "--file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Put it in front of the keys of this file, which is made where there is none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def make_sealing_key(file: Path | None, as_json: bool) -> None:
    """Makes a key that seals the secrets of the carriers' and the payments file.

    Without --file prints its line. The first key of a file seals, all of them open: to replace a
    key put a new one in front, seal every secret again, restart the servers, and remove the old
    line.
    """
    key_id, line = make_key_line(datetime.now(UTC))
    if file is None:
        if as_json:
            print_json({"sealing_key_id": key_id, "line": line})
        else:
            click.echo(line)
        return
    try:
        add_key_line(file, line)
    except SealingKeysError as error:
        raise click.ClickException("\n".join(error.problems)) from error
    except OSError as error:
        raise click.ClickException(f"{file}: cannot be written: {error.strerror}") from error
    if as_json:
        print_json({"sealing_key_id": key_id, "file": str(file)})
    else:
        print_whole(
            (("Sealing key", key_id), ("File", str(file)), ("Set", f"{SEALING_KEYS}={file}"))
        )


@click.command(
    "seal",
    epilog="""\b
Examples:
  outbound-sms admin seal carrier.twilio.auth_token
  outbound-sms admin seal api_key < stripe-key.txt
  pass show twilio | outbound-sms admin seal carrier.twilio.auth_token --keys sealing-keys
""",
)
@click.argument("key")
@click.option(
    "--keys",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=SEALING_KEYS,
    required=True,
    show_envvar=True,
    help="File with the sealing keys; the first one seals.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def seal_secret(key: str, file: Path, as_json: bool) -> None:
    """Encrypts the secret that KEY has in its file, and prints the line to put there.

    KEY is carrier.NAME.FIELD for the carriers' file, with the name of the carrier's table, or
    FIELD for the payments file. What is sealed for one KEY does not open under another.

    The secret is asked for without showing it, or read from standard input: never give it as an
    argument, which other users of the machine and the shell's history could see.
    """
    _check_key(key)
    try:
        keys = read_sealing_keys(file)
    except SealingKeysError as error:
        raise click.ClickException("\n".join(error.problems)) from error
    _print_sealed(keys, key, _read_secret(), as_json)


def _check_key(key: str) -> None:
    if key.startswith(_CARRIER):
        name, _, field = key.removeprefix(_CARRIER).rpartition(".")
        known = _secrets_of("outbound_sms.carriers.configuration")
        if not name or field not in known:
            raise click.BadParameter(
                "for the carriers' file it is carrier.NAME.FIELD, with FIELD one of: "
                + ", ".join(sorted(known)),
                param_hint="KEY",
            )
        return
    known = _secrets_of("outbound_sms.payments.configuration")
    if key not in known:
        raise click.BadParameter(
            "is carrier.NAME.FIELD for the carriers' file, or for the payments file one of: "
            + ", ".join(sorted(known)),
            param_hint="KEY",
        )


def _secrets_of(module: str) -> set[str]:
    """What a kind of that configuration keeps secret. Imported here: the other commands of `admin`
    need no adapter."""
    kinds = import_module(module).KINDS
    return {key for kind in kinds.values() for key in secret_keys(kind.config)}


def _read_secret() -> str:
    if sys.stdin.isatty():
        secret: str = click.prompt("Secret", hide_input=True, confirmation_prompt=True, err=True)
    else:
        secret = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not secret.strip():
        raise click.ClickException("The secret is empty.")
    if len(secret.splitlines()) > 1:
        raise click.ClickException("The secret has more than one line; give only the secret.")
    if is_sealed(secret):
        raise click.ClickException("This is sealed already; give the secret itself.")
    return secret


def _print_sealed(keys: SealingKeys, key: str, secret: str, as_json: bool) -> None:
    sealed = seal(keys, key, secret)
    if as_json:
        print_json({"key": key, "sealing_key_id": keys.sealing, "sealed": sealed})
        return
    table, _, field = key.rpartition(".")
    place = f"[{table}] of the carriers' file" if table else "the payments file"
    errors.print(f"Put this into {place}:", markup=False, soft_wrap=True)
    click.echo(f"{field} = {json.dumps(sealed)}")
