"""A step of the demonstration: how it is announced, and how it fails."""

from rich.text import Text

from outbound_sms.cli.output import console


class DemoFailed(RuntimeError):
    """The demonstration did not come to the end that it should have."""


def title(text: str) -> None:
    """Announces the next step."""
    console.print()
    console.print(Text(text, "bold"))
