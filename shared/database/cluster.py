"""An embedded PostgreSQL: started, watched over and stopped by one supervising process.

It listens on loopback only, asks for a scram password, keeps its port and its data over restarts
and survives `kill -9` of itself and of its supervisor.
"""

import contextlib
import fcntl
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self
from urllib.parse import quote

from shared.database.account import Account, die_with_parent, reachable, unprivileged_account
from shared.database.binaries import find_binaries, major_version
from shared.database.catalogue import DATABASE
from shared.database.initdb import initialise
from shared.database.location import locate
from shared.database.stale import clear_leftovers
from shared.errors import SchemaError, SettingsError
from shared.ports import free_port, is_free

SUPERUSER: Final = "postgres"
HOST: Final = "127.0.0.1"
_READY_LINE: Final = 7
_POLL_SECONDS: Final = 0.01
_STOP_SECONDS: Final = 20.0
_PORT_FILE: Final = "port"
_PASSWORD_FILE: Final = "superuser.pw"  # noqa: S105 - a file's name


class Cluster:
    """One embedded PostgreSQL. `state` is the folder that makes it the same one after a restart."""

    def __init__(
        self,
        state: Path,
        *,
        binaries: Path | None = None,
        settings: Mapping[str, str] | None = None,
        account: Account | None = None,
    ) -> None:
        self.state = state.absolute()
        self.settings = dict(settings or {})
        self.port = 0
        self._binaries = binaries
        self._account = account or unprivileged_account()
        self._home = self.state
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """The folder of PostgreSQL's own files."""
        return self._home / "data"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._home / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Say whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self, seconds: float = 60.0) -> Self:
        """Start the server and return when it accepts connections; a started one is left alone.

        Raises `SettingsError` when another process supervises this state folder or the server does
        not come up within `seconds`, and `SchemaError` when the data is of another major version.
        """
        if self.running:
            return self
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("Start the cluster in the main thread: it ends with its thread.")
        self._take_lock()
        try:
            self._home = locate(self.state, self._account)
            found = self._binaries or find_binaries()
            folder = reachable(found, self._account, self._home / "pgdist")
            self._prepare_data(folder)
            clear_leftovers(self.data)
            self._launch(folder)
            self._wait_until_ready(time.monotonic() + seconds)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the server (open sessions end, committed work is kept) and let the folder go."""
        if self._process and self.running:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._lock:
            self._lock.close()
            self._lock = None

    def url(
        self, database: str = DATABASE, role: str = SUPERUSER, password: str | None = None
    ) -> str:
        """Return the URL for `role`; without a password, that of the superuser is used."""
        secret = quote(self._superuser_password() if password is None else password, safe="")
        return f"postgresql://{role}:{secret}@{HOST}:{self.port}/{database}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _take_lock(self) -> None:
        """Become the one supervisor; the kernel frees the lock when this process dies."""
        if self._lock:
            return
        self.state.mkdir(parents=True, exist_ok=True)
        lock = (self.state / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise SettingsError(
                f"Another process already runs the database in {self.state}. Stop it, or choose"
                " another --data-dir."
            ) from None
        self._lock = lock

    def _superuser_password(self) -> str:
        file = self.state / _PASSWORD_FILE
        with contextlib.suppress(FileExistsError):
            handle = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as stream:
                stream.write(secrets.token_urlsafe(32))
        return file.read_text()

    def _prepare_data(self, folder: Path) -> None:
        """Make the data folder, or see that the programs fit the one that is there."""
        wanted = major_version(folder)
        version = self.data / "PG_VERSION"
        if not version.exists():
            initialise(
                folder,
                self.data,
                account=self._account,
                major=wanted,
                superuser=SUPERUSER,
                password=self._superuser_password(),
            )
        elif int(version.read_text()) != wanted:
            raise SchemaError(
                f"The data in {self.data} is of PostgreSQL {version.read_text().strip()}, the"
                f" programs here are of {wanted}. Install the old version again, or dump with it"
                " and load with the new one."
            )

    def _launch(self, folder: Path) -> None:
        self.port = self._choose_port()
        options = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
            **self.settings,
        }
        command = [str(folder / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen[bytes](
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,
                preexec_fn=die_with_parent(),
                **self._account.popen,
            )

    def _choose_port(self) -> int:
        """Return the port of the last time if it is free, else a free one."""
        file = self.state / _PORT_FILE
        wanted = int(file.read_text()) if file.exists() else None
        found = wanted if wanted is not None and is_free(wanted) else free_port()
        file.write_text(str(found))
        return found

    def _wait_until_ready(self, deadline: float) -> None:
        """Return when the server itself says `ready` in its pid file."""
        while not self._says_ready():
            if not self.running:
                raise SettingsError(f"PostgreSQL did not start; {self.log} says why.")
            if time.monotonic() > deadline:
                raise SettingsError(f"PostgreSQL is not ready in time; {self.log} says why.")
            time.sleep(_POLL_SECONDS)

    def _says_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return (
            len(lines) > _READY_LINE
            and lines[0] == str(self.pid)
            and lines[_READY_LINE].strip() == "ready"
        )


def embedded_url(state: Path) -> str:
    """Return the superuser's address of the embedded server that another process runs there.

    Raises `SettingsError` when there never was one.
    """
    try:
        port = int((state / _PORT_FILE).read_text())
        password = (state / _PASSWORD_FILE).read_text()
    except (OSError, ValueError):
        raise SettingsError(f"No database was ever started in {state}.") from None
    return f"postgresql://{SUPERUSER}:{quote(password, safe='')}@{HOST}:{port}/{DATABASE}"
