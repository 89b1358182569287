"""`python -m outbound_sms.payments.sandbox`: the sandbox gateway as a process of its own."""

import asyncio

import click

from outbound_sms.payments.sandbox.app import run
from outbound_sms.payments.sandbox.config import SandboxConfig

_EPILOG = """\b
Example:
  outbound-sms payments-sandbox --api-key sk_test_sandbox --listen 127.0.0.1:0
"""


@click.command(epilog=_EPILOG)
@click.option(
    "--listen",
    default="127.0.0.1:0",
    show_default=True,
    help="HOST:PORT to listen on; port 0 takes a free one.",
)
@click.option("--api-key", required=True, help="The secret key that may charge.")
@click.option("--latency", default=0.0, show_default=True, help="Seconds before each answer.")
@click.option("--late-seconds", default=40.0, show_default=True, help="How late a late answer is.")
@click.option(
    "--search-lag",
    default=0.0,
    show_default=True,
    help="Seconds before a payment can be searched for.",
)
@click.option(
    "--key-seconds",
    default=24 * 3600.0,
    show_default=True,
    help="Seconds for which an idempotency key is kept.",
)
def main(
    listen: str,
    api_key: str,
    latency: float,
    late_seconds: float,
    search_lag: float,
    key_seconds: float,
) -> None:
    """Takes charges over Stripe's HTTP, and charges nobody.

    What becomes of a charge depends on the payment method (see payment_methods.py). A list of who
    was charged is at /sandbox/payments.
    """
    host, separator, port = listen.rpartition(":")
    host = host.strip("[]")
    if not (separator and host and port.isascii() and port.isdigit() and int(port) < 65_536):
        raise click.BadParameter("must be HOST:PORT", param_hint="--listen")
    config = SandboxConfig(
        api_key=api_key,
        host=host,
        port=int(port),
        latency=latency,
        late_seconds=late_seconds,
        search_lag=search_lag,
        key_seconds=key_seconds,
    )
    try:
        asyncio.run(run(config))
    except OSError as error:
        raise click.ClickException(f"cannot start: {error}") from error


if __name__ == "__main__":
    main()
