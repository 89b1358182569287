"""Lists as people and programs read them: so many rows of a table, or a line of JSON for each."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from rich.table import Table

from outbound_sms.cli.names import LARGEST_PAGE, pages
from outbound_sms.cli.output import console, print_json


async def show_list(
    call: Callable[[Any], Awaitable[Any]],
    request: Any,
    items_of: Callable[[Any], Iterable[Any]],
    table: Table,
    row: Callable[[Any], tuple[Any, ...]],
    *,
    limit: int,
    as_json: bool,
) -> None:
    """Shows what a List method answers, at most `limit` of it; 0 means all.

    `items_of` takes them from a page, `row` makes the cells of one. JSON is printed as it comes.
    """
    request.page_size = min(limit, LARGEST_PAGE) if limit > 0 else LARGEST_PAGE
    shown = 0
    async for page in pages(call, request):
        for each in items_of(page):
            shown += 1
            if as_json:
                print_json(each)
            else:
                table.add_row(*row(each))
            if shown == limit:
                break
        if shown == limit:
            break
    if not as_json:
        console.print(table if shown else "There are none.")
