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


def hold(commands: list[list[str]]) -> int:
    """Run commands until the input ends or the last of them, the daemon, does. Returns the daemon's exit code."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            processes.append(subprocess.Popen([sys.executable, *command], stdin=subprocess.DEVNULL))
        daemon = processes[-1]
        while daemon.poll() is None:
            readable, _, _ = select.select([sys.stdin], [], [], 0.5)
            if readable and not sys.stdin.readline():
                return 0
        return daemon.returncode
    finally:
        # The daemon first: a code server that goes before it would be missed.
        _stop(processes[-1:])
        _stop(processes[:-1])


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
