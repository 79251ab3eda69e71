"""The table of processes: what runs under `sprintline ui` and `sprintline replay`, in which order, until when.

A subject adds a process by an entry of `PROCESSES` in its `processes.py`. This module starts nothing: it describes and
sorts. `hosting/supervisor.py` starts, watches and stops what is described here.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from sprintline.base.settings import LOOPBACK, Home

ANSWERS_WITHIN = 2.0
"""Seconds a health check waits for an answer."""


class ProcessError(ValueError):
    """The table of processes cannot be used; the message names the entry and what to change."""


@dataclass(frozen=True)
class Start:
    """One start of the platform, as the entries of the table see it.

    Attributes:
        where: the command that starts it, `ui` or `replay`.
        folder: logs and records of this start, in the state folder.
        scratch: a folder with a short path for sockets, which may have no more than 107 characters; gone at the end.
        ports: loopback port of each process that has one, by its name.
        asked: names given by `--with`.
    """

    home: Home
    where: str
    folder: Path
    scratch: Path
    ports: Mapping[str, int] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()

    def log(self, name: str) -> Path:
        """The file that a process's output is written to."""
        return self.folder / f"{name.replace('/', '-')}.log"


def always(_start: Start) -> bool:
    """The process runs whenever its command does."""
    return True


@dataclass(frozen=True)
class Process:
    """One process of the table.

    Attributes:
        name: unique, as people see it; one of a group is called `group/member`.
        command: the program and its arguments. It may write files into `start.scratch`.
        where: commands that run the process.
        after: names of processes or groups that must be healthy before this one is started.
        ready: whether the process can do its work now; without it, a process is healthy as soon as it runs.
        ready_within: seconds until `ready` must be true the first time.
        port: None for no port, 0 for any free loopback port, else the number.
        stop_signal: the signal that asks it to end.
        patience: seconds it then has before it is killed.
        restarts: how often it is started again when it ends by itself.
        needed: when it is gone for good, everything ends with an error; else it is only reported.
        wanted: whether it runs at this start, by a setting for example.
        on_request: it runs only when `--with NAME` asks for it.
    """

    name: str
    command: Callable[[Start], Sequence[str]]
    where: tuple[str, ...] = ("ui", "replay")
    after: tuple[str, ...] = ()
    ready: Callable[[Start], bool] | None = None
    ready_within: float = 60.0
    port: int | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 60.0
    restarts: int = 0
    needed: bool = True
    wanted: Callable[[Start], bool] = always
    on_request: bool = False

    @property
    def group(self) -> str:
        """The part of the name before the slash; members of a group are stopped together."""
        return self.name.partition("/")[0]

    def runs(self, start: Start) -> bool:
        """Whether the process belongs to this start."""
        asked = not self.on_request or self.name in start.asked
        return start.where in self.where and asked and self.wanted(start)


@dataclass(frozen=True)
class Group:
    """Processes whose number is known only at the start, one per code location for example."""

    name: str
    members: Callable[[Start], Sequence[Process]]


def planned(table: Iterable[Process | Group], start: Start) -> tuple[Process, ...]:
    """The processes of this start, in the order in which they are started.

    The order is that of the table, except that each comes behind those it waits for. What `after` names and does not
    run at this start is not waited for.

    Raises:
        ProcessError: two entries have one name, `after` or `--with` names an unknown one, or entries wait for each
            other.
    """
    table = tuple(table)
    known = {one.name for one in table}
    entries = [
        one for entry in table for one in ([entry] if isinstance(entry, Process) else entry.members(start))
    ]
    names = [one.name for one in entries]
    known.update(names)
    for name in names:
        if names.count(name) > 1:
            raise ProcessError(f"two entries of PROCESSES are called {name}: rename one of them")
    for one in entries:
        if unknown := [name for name in one.after if name not in known]:
            raise ProcessError(
                f"process {one.name} waits for {unknown[0]} (after), which no processes.py lists"
            )
    choice = sorted(one.name for one in entries if one.on_request and start.where in one.where)
    if unknown := sorted(start.asked - set(choice)):
        offered = f"choose from {', '.join(choice)}" if choice else "no process is started on request here"
        raise ProcessError(f"--with {unknown[0]}: there is no such process; {offered}")
    return _sorted([one for one in entries if one.runs(start)])


def waits_for(process: Process, plan: Collection[Process]) -> tuple[Process, ...]:
    """Those of a plan that must be healthy before the process is started."""
    return tuple(one for one in plan if {one.name, one.group} & set(process.after))


def _sorted(entries: list[Process]) -> tuple[Process, ...]:
    placed: list[Process] = []
    left = list(entries)
    while left:
        following = next((one for one in left if not (set(waits_for(one, entries)) - set(placed))), None)
        if following is None:
            raise ProcessError(
                f"processes wait for each other (after): {', '.join(one.name for one in left)}; remove one `after`"
            )
        placed.append(following)
        left.remove(following)
    return tuple(placed)


# --- ports and health ------------------------------------------------------------------------------------------------


def free_port(port: int) -> int:
    """The loopback port itself when it can be bound, any free one for 0. Raises OSError."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))
        return int(probe.getsockname()[1])


def listens(address: Path | int) -> bool:
    """Whether a process accepts connections on a Unix socket, or on a loopback port."""
    unix = isinstance(address, Path)
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as client:
        client.settimeout(ANSWERS_WITHIN)
        try:
            client.connect(str(address) if isinstance(address, Path) else (LOOPBACK, address))
        except OSError:
            return False
    return True


def answers(port: int, path: str = "/") -> bool:
    """Whether GET of a path on a loopback port is answered with a status below 400."""
    client = HTTPConnection(LOOPBACK, port, timeout=ANSWERS_WITHIN)
    try:
        client.request("GET", path)
        return client.getresponse().status < 400
    except (OSError, HTTPException):
        return False
    finally:
        client.close()
