"""The supervisor: starts the processes of one `sprintline ui` or `replay`, watches them, and ends them all.

The command that wants them holds the other end of this process's input. When that command is done, interrupted or
killed, the system closes that end, and everything started here is stopped, the last first. What runs is recorded in the
state folder, so that it is found even when this process is killed as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from sprintline.base.files import atomic_write
from sprintline.base.settings import ROOT, Home
from sprintline.hosting.warm import started
from sprintline.mechanisms.process_table import Process, Start, planned, waits_for
from sprintline.mechanisms.registry import collected

TABLE = "table.json"
"""File of a start's folder: its processes as they are now."""

LOOKS_EVERY = 0.25
"""Seconds between two looks at the processes."""

ASKS_EVERY = 5.0
"""Seconds between two health checks of a process that was healthy."""

LAST_LINES = 15
"""Lines of a log that are shown when its process failed."""


class Failed(RuntimeError):
    """A process that is needed is gone or did not become ready; the message shows the end of its log."""


@dataclass
class Child:
    """One process of the table while it runs.

    Attributes:
        since: when the process that runs now was started, UTC.
        health: `starting`, `healthy`, `unhealthy` or `ended`.
        again: how often it was started again.
    """

    process: Process
    popen: subprocess.Popen[bytes]
    mark: str
    since: datetime
    log: Path
    health: str = "starting"
    again: int = 0
    begun: float = 0.0
    asked: float = 0.0


class Supervisor:
    """The processes of one start."""

    def __init__(self, start: Start, plan: tuple[Process, ...]) -> None:
        self.start, self.plan = start, plan
        self.children: dict[str, Child] = {}
        self.events: list[str] = []
        self.error = ""
        self.ending = False
        self._written = ""

    def end(self) -> None:
        """Stop everything at the next look; a second call changes nothing."""
        self.ending = True

    def run(self) -> int:
        """Start, watch and stop; returns 0 when the command let go, 1 when a needed process failed."""
        try:
            while not self.ending:
                self._look()
                self._write()
                readable, _, _ = select.select([sys.stdin], [], [], LOOKS_EVERY)
                if readable and not sys.stdin.readline():
                    break
            return 0
        except Failed as failed:
            self.error = str(failed)
            return 1
        finally:
            self._write()
            self._stop()
            self._write()

    def _look(self) -> None:
        for process in self.plan:
            child = self.children.get(process.name)
            if child is None:
                before = [self.children.get(one.name) for one in waits_for(process, self.plan)]
                if all(one is not None and one.health != "starting" for one in before):
                    self._spawn(process)
            elif child.health != "ended":
                self._watch(child)

    def _spawn(self, process: Process, again: int = 0) -> None:
        log = self.start.log(process.name)
        try:
            with log.open("ab") as output:
                # A session of its own: Ctrl-C in a terminal reaches no one but the command, and a kill all of them.
                popen = subprocess.Popen(
                    list(process.command(self.start)), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output,
                    stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            raise Failed(f"{process.name} cannot be started: {error}") from error
        mark = f"{popen.pid}@{started(popen.pid)}"
        self.children[process.name] = Child(
            process, popen, mark, datetime.now(UTC), log, again=again, begun=time.monotonic()
        )
        self._write()

    def _watch(self, child: Child) -> None:
        process, now = child.process, time.monotonic()
        if (code := child.popen.poll()) is not None:
            self._ended(child, f"{process.name} (process {child.popen.pid}) {_how(code)}")
        elif child.health == "starting":
            if process.ready is None or process.ready(self.start):
                child.health = "healthy"
            elif now - child.begun > process.ready_within:
                told = f"{process.name} was not ready within {process.ready_within:.0f} s"
                if process.needed:
                    raise Failed(f"{told}: see {child.log}{_last(child.log)}")
                child.health = "unhealthy"
                self.events.append(f"{told}: see {child.log}")
        elif process.ready is not None and now - child.asked > ASKS_EVERY:
            child.health = "healthy" if process.ready(self.start) else "unhealthy"
            child.asked = now

    def _ended(self, child: Child, told: str) -> None:
        process = child.process
        _kill_session(child)
        if child.again < process.restarts:
            again = child.again + 1
            self.events.append(
                f"{told} and was started again ({again} of at most {process.restarts}): see {child.log}"
            )
            self._spawn(process, again)
        elif process.needed:
            child.health = "ended"
            raise Failed(f"{told}: see {child.log}{_last(child.log)}")
        else:
            child.health = "ended"
            self.events.append(f"{told} and is not started again: see {child.log}")

    def _stop(self) -> None:
        """End all, the last started first; members of a group together."""
        begun = [self.children[one.name] for one in reversed(self.plan) if one.name in self.children]
        order = [child for child in begun if child.health != "ended"]
        for _, together in groupby(order, key=lambda child: child.process.group):
            batch = list(together)
            for child in batch:
                child.popen.send_signal(child.process.stop_signal)  # does nothing when it has ended
            for child in batch:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.popen.wait(child.process.patience)
                _kill_session(child)
                child.popen.wait()
                child.health = "ended"
            self._write()

    def _write(self) -> None:
        rows = [
            {
                "name": name,
                "process": child.mark,
                "port": self.start.ports.get(name),
                "since": child.since.isoformat(timespec="seconds"),
                "health": child.health,
                "restarts": child.again,
                "log": str(child.log),
                "patience": child.process.patience,
                "signal": int(child.process.stop_signal),
            }
            for name, child in self.children.items()
        ]
        waiting = [one.name for one in self.plan if one.name not in self.children]
        text = json.dumps(
            {
                "supervisor": f"{os.getpid()}@{started(os.getpid())}",
                "scratch": str(self.start.scratch),
                "error": self.error,
                "events": self.events,
                "processes": rows,
                "waiting": waiting,
            }
        )
        if text != self._written:
            # On a full disk the processes run on, and are ended in order.
            with contextlib.suppress(OSError):
                atomic_write(self.start.folder / TABLE, text)
                self._written = text


def _kill_session(child: Child) -> None:
    """End what a process started and left behind, and the process itself if it still runs."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.popen.pid, signal.SIGKILL)


def _how(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _last(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    return "".join(f"\n  {line}" for line in lines)


def main() -> None:
    """Read the start from the first line of the input, and hold its processes."""
    start = read_start(sys.stdin.readline())
    supervisor = Supervisor(start, planned(collected("processes", "PROCESSES"), start))
    # A job that a shell put into the background ignores SIGINT, and so would all that it starts.
    for ends in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ends, lambda *_: supervisor.end())
    sys.exit(supervisor.run())


def write_start(start: Start) -> str:
    """A start as the line that the supervisor reads."""
    return json.dumps(
        {
            "home": str(start.home.root),
            "where": start.where,
            "folder": str(start.folder),
            "scratch": str(start.scratch),
            "ports": dict(start.ports),
            "asked": sorted(start.asked),
        }
    )


def read_start(line: str) -> Start:
    """The start that `write_start` wrote."""
    given = json.loads(line)
    return Start(
        Home(Path(given["home"])),
        given["where"],
        Path(given["folder"]),
        Path(given["scratch"]),
        given["ports"],
        frozenset(given["asked"]),
    )


if __name__ == "__main__":
    main()
