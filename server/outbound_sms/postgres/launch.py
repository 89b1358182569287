"""Becomes the user that PostgreSQL may run as, ties itself to its parent, and turns into a program.

Run as a script by a bare interpreter, so it imports nothing of ours:
`launch.py PARENT_PID WAY UID GID FOLDER PROGRAM ARGUMENT...`. It is a program of its own, and not a
function between fork and exec, because the parent has threads whose locks a fork would copy.
"""

import ctypes
import os
import signal
import sys

CANNOT = 126
PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000


def main(arguments: list[str]) -> None:
    """Does not return: it becomes the program, or exits with 126 and says why on stderr."""
    parent, way, uid, gid, folder, program, *rest = arguments
    try:
        if way == "setuid":
            os.setgroups([])
            os.setgid(int(gid))
            os.setuid(int(uid))
        elif way == "namespace":
            _enter_user_namespace(int(uid), int(gid))
        # A change of user clears the death signal, so it is asked for after that.
        if sys.platform == "linux":
            _call("prctl", PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != int(parent):
            raise OSError("the parent process has ended already")
        os.umask(0o077)
        os.chdir(folder)
        os.execv(program, [program, *rest])
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(CANNOT)


def _enter_user_namespace(uid: int, gid: int) -> None:
    """Shows root to the program as `uid`; outside it stays root, so files stay root's."""
    outside_uid, outside_gid = os.getuid(), os.getgid()
    _call("unshare", CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {outside_uid} 1")
    _write("/proc/self/gid_map", f"{gid} {outside_gid} 1")


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
