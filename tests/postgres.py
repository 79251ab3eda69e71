"""A PostgreSQL server of the tests' own: in a temporary folder, on a free port of loopback, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg2
from tests.parts import require

USER, PASSWORD = "sprint", "s3cr@t/word"
START_WITHIN = 60.0


def binaries() -> Path | None:
    """Where `initdb` and `postgres` are: on the path, or where Debian puts them."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: int(one.parts[-3]))
    return versions[-1].parent if versions else None


class Server:
    """A running server; `kill` and `start` it as often as wanted."""

    def __init__(self, folder: Path, programs: Path, auth: str) -> None:
        self.folder, self.programs, self.auth = folder, programs, auth
        self.process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        # The server refuses to run as root.
        self.owner = {}
        if os.geteuid() == 0:
            name = next(one.pw_name for one in pwd.getpwall() if one.pw_name in ("postgres", "nobody"))
            account = pwd.getpwnam(name)
            self.owner = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
            os.chown(folder, account.pw_uid, account.pw_gid)
        self.env = {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(folder)}

    def create(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        words = ["-D", str(self.folder / "data"), "-U", USER, "-A", self.auth, "--pwfile", str(secret)]
        subprocess.run(
            [self.programs / "initdb", *words, "--no-sync", "--encoding=UTF8", "--locale=C"],
            check=True, capture_output=True, cwd=self.folder, env=self.env, **self.owner,
        )  # fmt: skip

    def start(self) -> None:
        """Start it and wait until it answers; after a kill its remains may hold it up for a moment."""
        until = time.monotonic() + START_WITHIN
        while True:
            if self.process is None or self.process.poll() is not None:
                words = ["-D", str(self.folder / "data"), "-p", str(self.port), "-h", "127.0.0.1"]
                words += ["-k", str(self.folder), "-c", "fsync=off", "-c", "shared_buffers=32MB"]
                log = (self.folder / "log").open("ab")
                self.process = subprocess.Popen(
                    [self.programs / "postgres", *words],
                    stdout=log, stderr=log, cwd=self.folder, env=self.env, **self.owner,
                )  # fmt: skip
            try:
                psycopg2.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg2.OperationalError:
                assert time.monotonic() < until, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.1)
            else:
                return

    def kill(self) -> None:
        """SIGKILL to the server and all its processes, as in a power cut: nothing is said to anybody."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self._end(signal.SIGKILL)
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)

    def url(self, database: str) -> str:
        return f"postgresql://{USER}:s3cr%40t%2Fword@127.0.0.1:{self.port}/{database}"

    def database(self, name: str) -> str:
        """URL of a new, empty database."""
        connection = psycopg2.connect(self.url("postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
        connection.close()
        return self.url(name)


@contextmanager
def running(auth: str = "scram-sha-256") -> Iterator[Server]:
    """A server as long as the block lasts. auth: `trust` spares the hashing at every connection."""
    programs = binaries()
    require(programs, "PostgreSQL 15 (Debian: postgresql-15)")
    # Not pytest's folder: only its owner may enter that, and the server is another user.
    folder = Path(tempfile.mkdtemp(prefix="sprintline-pg-"))
    server = Server(folder, programs, auth)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
