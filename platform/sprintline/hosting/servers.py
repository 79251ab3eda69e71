"""Holds the daemon and the code servers of a replay, and ends them when the replay is gone, however it went.

The replay holds the other end of this process's input. When the replay is done, interrupted or killed, the system
closes that end, and everything started here is stopped; nothing is left to run sensors that nobody asked for.
"""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys

STOP_WITHIN = 60.0
"""Seconds a process has to end kindly: the daemon waits for the workers of its runs."""


STARTED_AGAIN = 5
"""How often code servers that died are started again before it is left to those who see it missing."""

_REAP = """
from dagster import DagsterInstance
from sprintline.hosting.reaper import reap
with DagsterInstance.get() as instance:
    reap(instance)
"""


def end_what_was_left(environment: dict[str, str]) -> None:
    """End the runs that an earlier platform left behind, in a process of its own, which spares us Dagster's import.

    What it cannot do it says on stderr; the platform starts all the same.
    """
    subprocess.run([sys.executable, "-W", "ignore", "-c", _REAP], env=environment, check=False)


def hold(commands: list[list[str]]) -> int:
    """Run commands until the input ends or the last of them, the daemon, does. Returns the daemon's exit code.

    A code server that dies is started again on its socket, where the daemon finds it.
    """
    processes: list[subprocess.Popen[bytes]] = []
    again = 0
    try:
        for command in commands:
            processes.append(_start(command))
        while (code := processes[-1].poll()) is None:
            for place, server in enumerate(processes[:-1]):
                if server.poll() is not None and again < STARTED_AGAIN:
                    again += 1
                    processes[place] = _start(commands[place])
            readable, _, _ = select.select([sys.stdin], [], [], 0.5)
            if readable and not sys.stdin.readline():
                return 0
        return code
    finally:
        # The daemon first: a code server that goes before it would be missed.
        _stop(processes[-1:])
        _stop(processes[:-1])


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *command], stdin=subprocess.DEVNULL)


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    """Read the commands from the first line of the input, and hold them."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # A job that a shell put into the background ignores SIGINT, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(hold(json.loads(sys.stdin.readline())))


if __name__ == "__main__":
    main()
