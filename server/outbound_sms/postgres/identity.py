"""As whom PostgreSQL runs. It refuses to run as root, and development containers are often root."""

import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")


class Way(StrEnum):
    """How the child gets to be somebody other than root."""

    UNCHANGED = "unchanged"
    SETUID = "setuid"
    NAMESPACE = "namespace"


@dataclass(frozen=True, slots=True)
class Identity:
    """The user that the child sees itself as, and the one that its files belong to."""

    way: Way
    uid: int
    gid: int
    file_uid: int
    file_gid: int

    def command(self, folder: Path, program: Path, *arguments: str) -> list[str]:
        """The command line that runs `program` as this identity, with `folder` as its directory.

        The program gets SIGINT when the thread that started it ends, on Linux.
        """
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), self.way.value]
        return [*launcher, str(self.uid), str(self.gid), str(folder), str(program), *arguments]

    def refusal(self, folder: Path, program: Path) -> str | None:
        """Why this identity cannot run `program` with its files in `folder`; None when it can."""
        attempt = subprocess.run(
            self.command(folder, program, "-V"), capture_output=True, text=True, timeout=30
        )
        return attempt.stderr.strip() if attempt.returncode else None


def identities(cluster: Path) -> list[Identity]:
    """Whom to try, best first. For root, the owner of an existing `cluster` comes first."""
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0:
        return [Identity(Way.UNCHANGED, uid, gid, uid, gid)]
    nobody = _unprivileged_user()
    switched = _setuid(nobody)
    mapped = Identity(Way.NAMESPACE, nobody.pw_uid, nobody.pw_gid, uid, gid)
    if not cluster.exists():
        return [switched, mapped]
    owner = cluster.stat().st_uid
    if owner == 0:
        return [mapped, switched]
    try:
        return [_setuid(pwd.getpwuid(owner)), mapped]
    except KeyError:
        return [switched, mapped]


def _setuid(user: pwd.struct_passwd) -> Identity:
    return Identity(Way.SETUID, user.pw_uid, user.pw_gid, user.pw_uid, user.pw_gid)


def _unprivileged_user() -> pwd.struct_passwd:
    """`nobody`, or else the user with the highest number: initdb wants one that has a name."""
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        return max(pwd.getpwall(), key=lambda user: user.pw_uid)
