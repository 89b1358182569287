"""Failures that pass, and how long to wait after them."""

import random

import asyncpg

# How the loss of the database shows. asyncpg says InternalClientError of a connection that broke in
# the middle of something.
LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class BackOff:
    """Pauses in seconds that double from `first` up to `longest`, each ±50 %.

    So processes that lost the same database do not all come back at the same moment.
    """

    def __init__(self, first: float = 0.1, longest: float = 5.0) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def failed(self) -> float:
        """How long to wait after this failure."""
        pause = self._next
        self._next = min(2 * self._next, self._longest)
        return pause * random.uniform(0.5, 1.5)

    def succeeded(self) -> None:
        """Starts over."""
        self._next = self._first
