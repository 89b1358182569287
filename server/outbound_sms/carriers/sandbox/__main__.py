"""`python -m outbound_sms.carriers.sandbox`: the sandbox carrier as a process of its own."""

import asyncio
from pathlib import Path

import click

from outbound_sms.carriers.sandbox.app import run
from outbound_sms.carriers.sandbox.config import SandboxConfig
from outbound_sms.carriers.sandbox.faults import Fault, FaultPlan

_EPILOG = """\b
Example:
  outbound-sms sandbox --account-sid AC1 --auth-token secret \\
    --accept-log accepted.jsonl --faults drop=0.03,accept-drop=0.03,429=0.04 --seed 7
  curl -u AC1:secret http://127.0.0.1:PORT/sandbox/inbound \\
    -d '{"from": "+12125550142", "to": "+12125550100", "body": "STOP"}'
"""


@click.command(epilog=_EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option(
    "--account-sid", required=True, help="The account that may submit, letters and digits."
)
@click.option("--auth-token", required=True, help="Its secret, which also signs the callbacks.")
@click.option(
    "--accept-log",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that gets a JSON line for each accepted message.",
)
@click.option(
    "--faults", default="", help=f"NAME=PROBABILITY, comma separated, of: {', '.join(Fault)}."
)
@click.option("--seed", default=0, show_default=True, help="Which submissions meet the faults.")
@click.option(
    "--late-seconds", default=20.0, show_default=True, help="How late accept-late answers."
)
@click.option("--latency", default=0.0, show_default=True, help="Seconds before each answer.")
@click.option(
    "--segments-per-second", type=float, help="Rate above which 429 is answered; default none."
)
@click.option(
    "--receipt-delay", default=0.1, show_default=True, help="Seconds before each status callback."
)
@click.option(
    "--inbound-url",
    help="Address that is told what phones text back. [default: /inbound/CARRIER of the server "
    "that last sent a text with a status callback to /receipts/CARRIER]",
)
def main(
    host: str,
    port: int,
    account_sid: str,
    auth_token: str,
    accept_log: Path | None,
    faults: str,
    seed: int,
    late_seconds: float,
    latency: float,
    segments_per_second: float | None,
    receipt_delay: float,
    inbound_url: str | None,
) -> None:
    """Accepts texts over Twilio's HTTP, sends signed status callbacks, and texts nobody.

    What becomes of a message depends on its number, whatever the area code; all others are
    delivered. POST /sandbox/inbound plays a phone that texts back.

    \b
    555-0190 to 0193  undelivered: unreachable, unknown, landline, filtered as spam
    555-0194          failed: unknown error
    555-0195 to 0197  refused: not valid, opted out, not a mobile number
    555-0198          sent, and no receipt ever after
    555-0199          throttled the first time, delivered when repeated
    """
    try:
        plan = FaultPlan.parse(faults, seed=seed, late_seconds=late_seconds)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--faults") from error
    if not account_sid.isalnum():
        raise click.BadParameter("must be letters and digits only", param_hint="--account-sid")
    if segments_per_second is not None and segments_per_second <= 0:
        raise click.BadParameter("must be more than 0", param_hint="--segments-per-second")
    if inbound_url is not None and not inbound_url.startswith(("http://", "https://")):
        raise click.BadParameter("must be an HTTP address", param_hint="--inbound-url")
    config = SandboxConfig(
        account_sid=account_sid,
        auth_token=auth_token,
        host=host,
        port=port,
        accept_log=accept_log,
        faults=plan,
        latency=latency,
        segments_per_second=segments_per_second,
        receipt_delay=receipt_delay,
        inbound_url=inbound_url,
    )
    try:
        asyncio.run(run(config))
    except OSError as error:
        raise click.ClickException(f"cannot start: {error}") from error


if __name__ == "__main__":
    main()
