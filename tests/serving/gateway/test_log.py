"""What was acknowledged is in the log, whenever its writer is killed; what is not written is said."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from sprintline.serving.gateway.log import Entry, Log, logged

WRITES = """
import sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_log import entry
from sprintline.serving.gateway.log import Log

log = Log(Path(sys.argv[1]))
def on_disk(names):
    def told(why):
        sys.stdout.write("".join(f"{name}\\n" for name in names) if why is None else f"{why}\\n")
        sys.stdout.flush()
    return told
def send(worker):
    for number in range(1_000_000):
        names = [f"{worker}-{number}-{part}" for part in range(1 + number % 3)]
        log.add([entry(name, f"2026-S0{1 + number % 2}") for name in names], on_disk(names))
        if number % 50 == 49:
            done = threading.Event()
            log.add([entry(f"{worker}-{number}-wait", "2026-S01")], lambda why: done.set())
            done.wait()
workers = [threading.Thread(target=send, args=(worker,), daemon=True) for worker in range(4)]
[worker.start() for worker in workers]
[worker.join() for worker in workers]
"""


def entry(name: str, sprint: str = "2026-S01") -> Entry:
    return Entry(
        name, "r", "2026-01-05T00:00:00+00:00", sprint, "parcels", "m", None, "s", "anna", "predict",
        {"courier": "swift"}, {"late": None}, {}, {"probability": 0.25}, 0.001,
    )  # fmt: skip


def added(log: Log, *entries: Entry) -> Exception | None:
    done, found = threading.Event(), []
    log.add(entries, lambda why: (found.append(why), done.set()))
    assert done.wait(20)
    return found[0]


def test_it_gives_back_what_was_written_newest_first(tmp_path):
    log = Log(tmp_path)
    assert added(log, entry("a"), entry("b")) is None
    assert added(log, entry("c", "2026-S02")) is None
    log.close()
    assert [one["prediction_id"] for one in logged(tmp_path)] == ["c", "b", "a"]
    assert [one["prediction_id"] for one in logged(tmp_path, limit=2)] == ["c", "b"]
    (one,) = logged(tmp_path, "a")
    assert one["predictions"] == {"probability": 0.25} and one["inputs"] == {"late": None}
    assert logged(tmp_path, "nowhere") == [] and logged(tmp_path / "none") == []
    assert sorted(file.name for file in tmp_path.glob("*.db")) == ["2026-S01.db", "2026-S02.db"]


def test_what_cannot_be_written_is_said_and_the_next_is_tried_again(tmp_path):
    folder = tmp_path / "log"
    folder.write_text("no folder")
    log = Log(folder)
    assert isinstance(added(log, entry("a")), OSError)
    folder.unlink()
    assert added(log, entry("a")) is None
    assert added(log, entry("a")) is not None, "an id is given once"
    assert added(log, entry("b")) is None
    log.close()
    assert [one["prediction_id"] for one in logged(folder)] == ["b", "a"]


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize("kill", range(4))
def test_killed_at_any_moment_it_has_all_that_was_acknowledged(tmp_path, kill):
    here = str(__import__("pathlib").Path(__file__).parent)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITES, str(tmp_path / "log"), here], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout
    first = writer.stdout.readline()
    time.sleep(random.Random(kill).uniform(0.05, 0.6))
    writer.send_signal(signal.SIGKILL)
    acknowledged = {first.strip(), *writer.stdout.read().split("\n")[:-1]}
    writer.wait()
    there = {one["prediction_id"] for one in logged(tmp_path / "log", limit=10_000_000)}
    assert len(acknowledged) > 20 and acknowledged <= there, sorted(acknowledged - there)[:5]
    # A request is whole or absent.
    counts: dict[str, int] = {}
    for name in there:
        worker, number, part = name.split("-")
        if part != "wait":
            counts[f"{worker}-{number}"] = counts.get(f"{worker}-{number}", 0) + 1
    assert all(count == 1 + int(name.split("-")[1]) % 3 for name, count in counts.items())
    log = Log(tmp_path / "log")
    assert added(log, entry("after")) is None
    log.close()
