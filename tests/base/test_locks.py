"""Turns at a warehouse file: many read, one writes, and a dead process holds no one up."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sprintline.base.settings import ROOT

HOLD = """
import sys, time
from pathlib import Path
from sprintline.base.locks import access

with access(Path(sys.argv[1]), writing=sys.argv[2] == "write"):
    print("held", flush=True)
    sys.stdin.readline()
"""


class Holder:
    """A process that asks for a turn and keeps it until told to go."""

    def __init__(self, file: Path, how: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(file), how],
            env=os.environ | {"PYTHONPATH": str(ROOT / "platform")},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def holds(self) -> bool:
        """Waits for the turn; blocks for as long as it takes."""
        return self.process.stdout.readline() == "held\n"

    def waits(self) -> bool:
        return select.select([self.process.stdout], [], [], 1)[0] == []

    def go(self) -> None:
        self.process.communicate("\n", timeout=20)


@pytest.fixture
def ask(tmp_path):
    asked: list[Holder] = []

    def ask(how: str) -> Holder:
        asked.append(Holder(tmp_path / "warehouse" / "parcels.duckdb", how))
        return asked[-1]

    yield ask
    for one in asked:
        one.process.kill()
        one.process.communicate()


def test_readers_share(ask):
    assert ask("read").holds() and ask("read").holds()


@pytest.mark.parametrize(("first", "second"), [("write", "write"), ("write", "read"), ("read", "write")])
def test_a_writer_is_alone(ask, first, second):
    one = ask(first)
    assert one.holds()
    other = ask(second)
    assert other.waits()
    one.go()
    assert other.holds()


@pytest.mark.fault
def test_a_killed_writer_holds_nobody_up(ask):
    one = ask("write")
    assert one.holds()
    other = ask("write")
    one.process.send_signal(signal.SIGKILL)
    assert other.holds()
