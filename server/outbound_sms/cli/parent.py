"""Ends a child process with its parent."""

import os
import signal
import threading

TIED = "OUTBOUND_SMS_STDIN_IS_PARENT"
"""Set in the environment of a child whose parent holds the other end of its stdin."""


def stop_when_parent_ends() -> None:
    """In a child: asks this process to stop when its parent is gone, however that ended.

    The parent holds the other end of our stdin, and the system closes it.
    """
    if os.environ.pop(TIED, None) is None:
        return

    def wait_for_end() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_end, name="parent", daemon=True).start()
