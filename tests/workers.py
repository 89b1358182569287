"""How `make test` shares the tests between two processes: `pytest -n 2 -p tests.workers`.

Half of the time of many tests is waiting, in which the other process works. Both have a database
server of their own and share nothing.
"""

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Each keeps a core or more busy with processes of its own, so these run one after the other, and
# first: whoever has nothing to do at the end then waits for a short file and not for them.
HEAVY = (
    "tests/e2e/test_kill.py",
    "tests/e2e/test_kill_points.py",
    "tests/e2e/test_crash.py",
    "tests/e2e/test_drain.py",
    "tests/e2e/test_freeze.py",
    "tests/e2e/test_personal_data.py",
    "tests/feed/test_tick_crashes.py",
    "tests/dispatch/test_fairness.py",
)


# The width of a terminal, which these processes have none of: Rich would keep it from its import
# on, and tests of the command line set their own. Here and not in a hook: a conftest may import
# Rich before any hook runs.
os.environ.pop("COLUMNS", None)
os.environ.pop("LINES", None)


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives a whole file to a process, so that its module's fixtures are made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "heavy" if file in HEAVY else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Files in the order in which they were collected, not those with most tests first."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the heavy ones first."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    file = item.nodeid.partition("::")[0]
    return HEAVY.index(file) if file in HEAVY else len(HEAVY)
