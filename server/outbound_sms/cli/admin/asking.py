"""Asking before something is done that cannot be undone."""

import sys

import click


def confirm(question: str, *, yes: bool, as_json: bool) -> None:
    """Asks on a terminal, unless the answer was given. Raises Abort for a no."""
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here. Give --yes to do it.")
    click.confirm(question, abort=True)
