"""The process of the throw-away product: it ends with the command, and its reason to end is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.parts import require_proc

from sprintline.faults.run import cause_in


def test_the_cause_is_the_last_line_before_what_libraries_say_of_memory():
    log = "made\nRuntimeError: S01 does not close\nnanobind: leaked 27 instances!\n - leaked instance 0x1\n"
    assert cause_in(log) == "RuntimeError: S01 does not close"
    assert cause_in("") == "no reason given"


def children(pid: int) -> list[int]:
    """Processes that this one started and that run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == str(pid) and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def runs(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_terminated_command_leaves_no_process(tmp_path):
    require_proc()
    own = {"SPRINTLINE_HOME": str(tmp_path / "state"), "SPRINTLINE_KEYS": str(tmp_path / "keys")}
    command = subprocess.Popen(
        [sys.executable, "-m", "sprintline.cli.main", "faults", "DQ102"],
        env={**os.environ, **own},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not (worker := children(command.pid)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert worker, "the throw-away product has no process"
        command.send_signal(signal.SIGTERM)
        command.wait(30)
        # It is told to end as well; on a busy machine it takes a moment, and who adopts it may reap it late.
        deadline = time.monotonic() + 20
        while (left := [one for one in worker if runs(one)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left
    finally:
        command.kill()
        command.wait()
