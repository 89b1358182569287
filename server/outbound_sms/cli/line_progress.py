"""The bar that shows how far a file has been read."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def line_progress(console: Console, verb: str) -> Progress:
    """A bar that counts lines, behind a word such as `Importing`; it goes when it is done."""
    return Progress(
        TextColumn(verb),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("lines"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
