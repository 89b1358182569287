"""The folder of an embedded PostgreSQL: who owns what in it, and who has it in use."""

import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from outbound_sms.postgres.identity import Identity

# A socket's whole path must fit in 103 bytes on macOS and 107 on Linux.
LONGEST_SOCKET_FOLDER = 80
LARGEST_LOG = 10_000_000


class FolderUnavailable(RuntimeError):
    """Another process runs PostgreSQL in this folder, or it belongs to another user."""


class DataFolder:
    """`cluster` (the data), `socket`, `password`, `postgres.log` and `lock` in one folder.

    Only the folder itself and what is in it ever change owner or mode. Where PostgreSQL runs as
    somebody else the folder lets others pass (0711) and is still not readable to them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.cluster = self.path / "cluster"
        self.log = self.path / "postgres.log"
        self.socket = self.path / "socket"
        if len(os.fsencode(self.socket)) > LONGEST_SOCKET_FOLDER:
            name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
            self.socket = Path(tempfile.gettempdir()).resolve() / f"outbound-sms-{name}"
        self._lock: int | None = None

    def lock(self) -> None:
        """Takes the folder for this process until `unlock`, or until the process ends.

        Raises `FolderUnavailable` when another process has it, or when it is not ours.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self._open("lock", os.O_RDWR)
        except PermissionError as error:
            raise FolderUnavailable(
                f"{self.path} belongs to another user. Choose another folder, or set DATABASE_URL."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(lock, 32, 0).decode().strip()
            os.close(lock)
            raise FolderUnavailable(
                f"Process {holder} runs PostgreSQL in {self.path}. Stop that process, choose "
                "another folder, or set DATABASE_URL to share one server."
            ) from error
        os.truncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def unlock(self) -> None:
        """Lets other processes use the folder. Does nothing when this one does not hold it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def give_to(self, identity: Identity) -> None:
        """Makes the folder usable by `identity`, and by nobody else but us."""
        owner = (identity.file_uid, identity.file_gid)
        self.path.chmod(0o700 if identity.file_uid == self.path.stat().st_uid else 0o711)
        if self.cluster.exists() and self.cluster.stat().st_uid != identity.file_uid:
            _change_owner(self.cluster, *owner)
        for file in (self.path / "password", self.socket):
            if file.exists():
                os.chown(file, *owner, follow_symlinks=False)

    def make_socket_folder(self, identity: Identity) -> None:
        """A private folder for the socket: whoever gets in is the superuser, without a password.

        Raises `FolderUnavailable` when somebody else made a folder of that name.
        """
        self.socket.mkdir(mode=0o700, exist_ok=True)
        found = self.socket.lstat()
        if self.socket.is_symlink() or found.st_uid not in (os.geteuid(), identity.file_uid):
            raise FolderUnavailable(f"{self.socket} belongs to somebody else. Remove it.")
        self.socket.chmod(0o700)
        os.chown(self.socket, identity.file_uid, identity.file_gid)

    def remove_socket_folder(self) -> None:
        """Leaves nothing in the machine's folder for temporary files."""
        shutil.rmtree(self.socket, ignore_errors=True)

    def password(self, identity: Identity) -> str:
        """The superuser's password for TCP, made once. Only the server's user can read it."""
        file = self.path / "password"
        if not file.exists():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as new:
                new.write(secrets.token_urlsafe(24))
            os.chown(file, identity.file_uid, identity.file_gid)
        return file.read_text(encoding="ascii")

    def new_cluster(self, identity: Identity) -> Path:
        """An empty folder to initialise a cluster in; `keep_cluster` puts it into its place."""
        new = self.path / "cluster.new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        os.chown(new, identity.file_uid, identity.file_gid)
        return new

    def keep_cluster(self, new: Path) -> None:
        """Puts a complete cluster into its place, so that a kill never leaves half of one there."""
        new.rename(self.cluster)

    def open_log(self) -> int:
        """A descriptor that appends to the log, which starts anew when it has grown past 10 MB."""
        descriptor = self._open("postgres.log", os.O_WRONLY | os.O_APPEND)
        if os.fstat(descriptor).st_size > LARGEST_LOG:
            os.truncate(descriptor, 0)
        return descriptor

    def log_size(self) -> int:
        """Where the next line of the log will start, for `log_since`."""
        return self.log.stat().st_size if self.log.exists() else 0

    def log_since(self, start: int) -> str:
        """The last 15 lines that were logged after the position `start`."""
        with self.log.open("rb") as log:
            log.seek(start)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-15:])

    def _open(self, name: str, flags: int) -> int:
        descriptor = os.open(self.path / name, flags | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.geteuid() == 0:
            # Started once as root, the folder must still open for the user whose it is.
            owner = self.path.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return descriptor


def _change_owner(tree: Path, uid: int, gid: int) -> None:
    os.chown(tree, uid, gid)
    for folder, folders, files in os.walk(tree):
        for name in folders + files:
            os.chown(Path(folder) / name, uid, gid, follow_symlinks=False)
