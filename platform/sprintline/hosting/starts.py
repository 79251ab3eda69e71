"""Starts of the platform on a state folder: which run now, what a killed one left, and how to begin another.

Each start has a folder `processes/<command>-<time>-<pid>/` with the command's own process (`owner`), the supervisor's
table, the logs, and for the UI the code it was started with. Folders of the last starts are kept for their logs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any

from sprintline.base.processes import working_on
from sprintline.base.settings import LOOPBACK, ROOT, Home
from sprintline.hosting.instance import environment
from sprintline.hosting.supervisor import TABLE, write_start
from sprintline.hosting.warm import started
from sprintline.mechanisms.process_table import ProcessError, Start, free_port, planned
from sprintline.mechanisms.registry import collected

OWNER = "owner"
"""File that names the process of the command."""

CLOSES = ("ui", "replay")
"""Commands with a daemon; the others only show the state."""

KEPT = 3
"""Folders of ended starts that stay, for their logs."""

STOP_WITHIN = 180.0
"""Seconds a supervisor has to stop everything; the daemon waits for the workers of its runs."""

_DAEMONS = ("dagster._daemon", "sprintline.hosting.daemon", "dagster-daemon")


class StartError(RuntimeError):
    """The platform cannot be started or has failed; the message says which process and where its log is."""


@dataclass(frozen=True)
class Row:
    """One process of a start as it is now; `pid` is None when it does not live."""

    name: str
    pid: int | None
    port: int | None
    since: str | None
    health: str
    restarts: int
    log: str | None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "pid": self.pid,
            "port": self.port,
            "since": self.since,
            "health": self.health,
            "restarts": self.restarts,
            "log": self.log,
        }


@dataclass(frozen=True)
class Recorded:
    """A start as its folder tells it."""

    folder: Path

    @property
    def where(self) -> str:
        return self.folder.name.partition("-")[0]

    @property
    def owner(self) -> int | None:
        """The command's process while it lives."""
        return living(_read(self.folder / OWNER))

    @cached_property
    def table(self) -> Mapping[str, Any]:
        """What the supervisor wrote last; empty before it did, and for a replay that an open UI's daemon works for."""
        text = _read(self.folder / TABLE)
        return json.loads(text) if text else {}

    @property
    def supervisor(self) -> int | None:
        return living(self.table.get("supervisor", ""))

    @property
    def alive(self) -> list[Mapping[str, Any]]:
        """Processes of the table that live."""
        return [row for row in self.table.get("processes", []) if living(row["process"])]

    @property
    def runs(self) -> bool:
        """Whether anything of this start lives."""
        return bool(self.owner or self.supervisor or self.alive)

    def rows(self) -> list[Row]:
        """The table as it is now; a process that no one watches any more is `left behind`."""
        found = []
        for row in self.table.get("processes", []):
            pid = living(row["process"])
            health = row["health"] if pid else "ended"
            if pid and self.supervisor is None:
                health = "left behind"
            found.append(
                Row(row["name"], pid, row["port"], row["since"], health, row["restarts"], row["log"])
            )
        waiting = [Row(name, None, None, None, "waiting", 0, None) for name in self.table.get("waiting", [])]
        return found + waiting


def living(mark: str) -> int | None:
    """The process id of a mark `<pid>@<start>` while it is that process: an id may be given to another one later."""
    pid, _, start = mark.strip().partition("@")
    return int(pid) if pid.isdigit() and started(int(pid)) == start else None


def recorded(home: Home) -> list[Recorded]:
    """Every start that has a folder, the oldest first; of some nothing lives."""
    folders = (one for one in home.processes.glob("*-*-*") if not one.name.startswith("."))
    return [Recorded(folder) for folder in sorted(folders, key=lambda one: one.name.partition("-")[2])]


def running(home: Home) -> list[Recorded]:
    """Starts of which anything lives."""
    return [one for one in recorded(home) if one.runs]


def open_ui(home: Home) -> Recorded | None:
    """The `sprintline ui` that is open on this state folder."""
    return next((one for one in running(home) if one.where == "ui" and one.owner), None)


def at_work(home: Home) -> str | None:
    """The command that uses this state folder now, or whose processes still do; one that closes sprints first."""
    found = sorted(one.where for one in running(home))
    return closing_now(home) or (f"sprintline {found[-1]}" if found else None)


def closing_now(home: Home) -> str | None:
    """The command that closes sprints on this state folder now, or whose processes still do."""
    found = sorted(one.where for one in running(home) if one.where in CLOSES)
    return f"sprintline {found[-1]}" if found else None


def end_left(home: Home, told: Callable[[str], object]) -> None:
    """End what killed commands left on this state folder, say so, and remove folders that no one needs.

    A daemon that no start of ours records is only reported: somebody may have started it by hand.
    """
    for one in recorded(home):
        if one.runs and not one.owner:
            _end(one, told)
    ended = [one.folder for one in recorded(home) if not one.runs]
    for folder in ended[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
    for sentence in strays(home):
        told(sentence)


def strays(home: Home) -> list[str]:
    """A sentence per Dagster daemon on a state folder that no start of ours records, with how to end it."""
    starts = running(home)
    ours = {one.supervisor for one in starts}
    ours |= {living(row["process"]) for one in starts for row in one.table.get("processes", [])}
    return [
        f"Process {pid} is a Dagster daemon on {home.root} that no running sprintline command started; two daemons "
        f"start runs twice. End it with: kill {pid}"
        for pid, command in working_on(home).items()
        if pid not in ours and any(word in command for word in _DAEMONS)
    ]


def left(home: Home) -> list[str]:
    """A sentence per killed command whose processes still run, and the strays'."""
    found = []
    for one in running(home):
        if not one.owner and (rows := one.alive):
            names = ", ".join(f"{row['name']} (process {living(row['process'])})" for row in rows)
            work = ", on which its sensors still run" if one.where in CLOSES else ""
            found.append(
                f"A `sprintline {one.where}` was killed and left {names}{work}: "
                "the next `sprintline ui` or `replay` ends them"
            )
    return [*found, *strays(home)]


def _end(left: Recorded, told: Callable[[str], object]) -> None:
    if supervisor := left.supervisor:
        # Its command is gone, so it is stopping everything already.
        told(f"An earlier `sprintline {left.where}` was killed; its processes are ending now.")
        _wait([left.table["supervisor"]], STOP_WITHIN)
        with contextlib.suppress(ProcessLookupError):
            if living(left.table["supervisor"]):
                os.kill(supervisor, signal.SIGKILL)
    rows = Recorded(left.folder).alive
    if rows:
        names = ", ".join(f"{row['name']} (process {living(row['process'])})" for row in rows)
        end_rows(rows)
        told(
            f"An earlier `sprintline {left.where}` was killed and left {names}: now ended. Logs: {left.folder}"
        )
    if scratch := left.table.get("scratch"):
        shutil.rmtree(scratch, ignore_errors=True)


def end_rows(rows: Collection[Mapping[str, Any]]) -> None:
    """End processes of a table, the last started first; each has its patience, then it is killed."""
    for row in reversed(list(rows)):
        if (pid := living(row["process"])) is None:
            continue
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, row["signal"])
            _wait([row["process"]], row["patience"])
            if living(row["process"]):
                os.killpg(pid, signal.SIGKILL)
                _wait([row["process"]], 5)


def _wait(marks: Collection[str], seconds: float) -> None:
    until = time.monotonic() + seconds
    while any(map(living, marks)) and time.monotonic() < until:
        time.sleep(0.1)


# --- a start of one's own --------------------------------------------------------------------------------------------


@dataclass
class Running:
    """The processes of this command while it runs."""

    start: Start
    holder: subprocess.Popen[str]

    @property
    def table(self) -> Mapping[str, Any]:
        """The table as the supervisor wrote it last."""
        return Recorded(self.start.folder).table

    def check(self) -> None:
        """Raise StartError when the processes have failed or their supervisor is gone."""
        if (code := self.holder.poll()) is not None:
            log = self.start.log("supervisor")
            said = self.table.get("error") or f"the supervisor of the processes ended ({code}): see {log}"
            raise StartError(said)

    def healthy(self) -> bool:
        """Whether all processes of the plan are started and healthy, or given up and not needed."""
        found = self.table
        return bool(found) and not found["error"] and not found["waiting"] and all(
            row["health"] != "starting" for row in found["processes"]
        )  # fmt: skip


@contextlib.contextmanager
def mark(home: Home, where: str) -> Iterator[Path]:
    """The folder of a start, which says that this process is at work on the state folder until the end."""
    name = f"{where}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
    folder, fresh = home.processes / name, home.processes / f".{name}"
    fresh.mkdir(parents=True, exist_ok=True)
    (fresh / OWNER).write_text(f"{os.getpid()}@{started(os.getpid())}")
    fresh.replace(folder)  # whole at once: a folder without an owner would be taken for a dead start's
    try:
        yield folder
    finally:
        (folder / OWNER).unlink(missing_ok=True)
        if not (folder / TABLE).exists():
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def platform(
    home: Home,
    where: str,
    folder: Path,
    asked: Collection[str] = (),
    ports: Mapping[str, int] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """The processes that the table lists for a command, from here to the end of the block.

    ports: what `ports_for` found, if it was asked before.
    variables: more of the processes' environment.

    Raises:
        ProcessError: the table cannot be used, or a port is taken; nothing was started.
    """
    with tempfile.TemporaryDirectory(prefix="sprintline-", ignore_cleanup_errors=True) as scratch:
        found_ports = ports_for(home, where, asked) if ports is None else ports
        start = Start(home, where, folder, Path(scratch), found_ports, frozenset(asked))
        with start.log("supervisor").open("ab") as log:
            holder = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "sprintline.hosting.supervisor"], cwd=ROOT,
                env=_environment(home) | dict(variables or {}), text=True, stdin=subprocess.PIPE, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        found = Running(start, holder)
        try:
            if holder.stdin is None:
                raise StartError("the supervisor was started without a pipe")
            with contextlib.suppress(BrokenPipeError):  # `check` says why it went at once
                holder.stdin.write(write_start(start) + "\n")
                holder.stdin.flush()
            yield found
        finally:
            _stop(found)


def ports_for(
    home: Home, where: str, asked: Collection[str] = (), given: Mapping[str, int] | None = None
) -> dict[str, int]:
    """The loopback port of each process of the table that has one.

    given: ports in place of the table's, 0 for any free one.

    Raises:
        ProcessError: the table cannot be used, or a port is taken.
    """
    given = given or {}
    start = Start(home, where, home.processes, home.processes, asked=frozenset(asked))
    plan = planned(collected("processes", "PROCESSES"), start)
    found: dict[str, int] = {}
    for process in plan:
        if process.port is None:
            continue
        wanted = given.get(process.name, process.port)
        try:
            found[process.name] = free_port(wanted)
        except OSError as error:
            other = (
                "choose another with --port (0 takes any free one)"
                if process.name in given
                else f"give {process.name} another port in its processes.py"
            )
            raise ProcessError(
                f"port {wanted} on {LOOPBACK} cannot be used ({error.strerror}): end what listens there, or {other}"
            ) from None
    return found


def _environment(home: Home) -> dict[str, str]:
    found = environment(home)
    # The tools call each other by name (dagster-dbt calls `dbt`).
    found["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), found.get("PATH", os.defpath)])
    # Dagster warns of its own previews and deprecations with every reload; they are not the team's concern.
    found.setdefault("PYTHONWARNINGS", "ignore")
    return found


def _stop(platform: Running) -> None:
    """Let the supervisor go and wait until all it started has ended; end it ourselves where the supervisor cannot."""
    holder = platform.holder
    with contextlib.suppress(BrokenPipeError):
        holder.stdin.close()  # type: ignore[union-attr]
    try:
        holder.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        holder.kill()
        holder.wait()
    end_rows(Recorded(platform.start.folder).alive)


@contextlib.contextmanager
def ending_on_signals() -> Iterator[None]:
    """INT and TERM end this command in order, also where a shell that put it into the background ignores INT."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ended(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGINT, signal.default_int_handler), signal.signal(signal.SIGTERM, ended)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""
