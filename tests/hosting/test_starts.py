"""Starts on a state folder: what is found, what is kept, and a daemon that no one recorded."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from tests.parts import require_proc

from sprintline.base.settings import Home
from sprintline.cli import main as command
from sprintline.hosting import starts
from sprintline.hosting.supervisor import TABLE


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "state")


def test_a_number_that_was_given_to_another_process_is_not_that_process():
    mark = f"{os.getpid()}@{starts.started(os.getpid())}"
    assert starts.living(mark) == os.getpid()
    assert starts.living(f"{os.getpid()}@another start") is None and starts.living("") is None


def test_only_an_owner_that_lives_makes_a_ui_open(home):
    with starts.mark(home, "ui") as folder:
        assert starts.open_ui(home).folder == folder and starts.at_work(home) == "sprintline ui"
        (folder / starts.OWNER).write_text("1@another start")
        assert starts.open_ui(home) is None and starts.at_work(home) is None
    assert not folder.exists(), "nothing was started, so no log is worth keeping"


def test_folders_of_the_last_starts_are_kept_for_their_logs(home):
    for number in range(5):
        folder = home.processes / f"ui-2026010{number}T000000-1"
        folder.mkdir(parents=True)
        (folder / TABLE).write_text(json.dumps({"processes": []}))
    told: list[str] = []
    with starts.mark(home, "replay") as mine:
        starts.end_left(home, told.append)
        kept = sorted(one.name[:11] for one in home.processes.iterdir() if one != mine)
    assert kept == ["ui-20260102", "ui-20260103", "ui-20260104"] and not told


def test_what_a_killed_parent_left_is_told_with_its_processes(home):
    idle = [sys.executable, "-c", "import time; time.sleep(60)"]
    daemon = subprocess.Popen(idle, start_new_session=True)
    try:
        folder = home.processes / "ui-20260101T000000-1"
        folder.mkdir(parents=True)
        (folder / starts.OWNER).write_text("1@another start")
        row = {
            "name": "daemon",
            "process": f"{daemon.pid}@{starts.started(daemon.pid)}",
            "signal": 15,
            "patience": 5,
        }
        (folder / TABLE).write_text(json.dumps({"supervisor": "1@gone", "processes": [row]}))
        (sentence,) = starts.left(home)
        assert f"daemon (process {daemon.pid})" in sentence and "`sprintline ui` was killed" in sentence
        told: list[str] = []
        starts.end_left(home, told.append)
        assert "now ended" in told[0] and daemon.wait(10) and starts.left(home) == []
    finally:
        daemon.kill()
        daemon.wait()


def test_a_daemon_that_no_command_started_is_told_and_left_alone(home, monkeypatch, capsys):
    require_proc()
    idle = "import time; time.sleep(60)"
    stranger = subprocess.Popen(
        [sys.executable, "-c", idle, "-m", "dagster._daemon", "run"], env={"SPRINTLINE_HOME": str(home.root)}
    )
    try:
        told: list[str] = []
        while not told and stranger.poll() is None:
            starts.end_left(home, told.append)
        assert len(told) == 1 and told[0].startswith(
            f"Process {stranger.pid} is a Dagster daemon on {home.root}"
        )
        assert f"kill {stranger.pid}" in told[0] and stranger.poll() is None
        assert starts.strays(home) == told == starts.left(home)
        monkeypatch.setenv("SPRINTLINE_HOME", str(home.root))
        monkeypatch.setattr(sys, "argv", ["sprintline", "processes"])
        with pytest.raises(SystemExit):
            command.main()
        assert told[0] in capsys.readouterr().out.splitlines()
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize(
    ("health", "code", "told"),
    [
        ("healthy", 0, "healthy: daemon, webserver"),
        ("unhealthy", 1, "webserver is unhealthy; logs: "),
        ("starting", 1, "webserver is starting; logs: "),
    ],
)
def test_the_check_of_a_container_asks_for_every_process(home, monkeypatch, health, code, told):
    require_proc()
    monkeypatch.setenv("SPRINTLINE_HOME", str(home.root))
    mark = f"{os.getpid()}@{starts.started(os.getpid())}"
    folder = home.processes / "ui-20260101T000000-1"
    folder.mkdir(parents=True)
    (folder / starts.OWNER).write_text(mark)
    row = {"process": mark, "port": None, "since": None, "restarts": 0, "log": None}
    rows = [row | {"name": "daemon", "health": "healthy"}, row | {"name": "webserver", "health": health}]
    (folder / TABLE).write_text(json.dumps({"supervisor": mark, "processes": rows}))
    done = CliRunner().invoke(command.cli, ["processes", "--check"])
    assert done.exit_code == code and told in done.output
    # What a killed container left in the state folder counts for nothing.
    (folder / starts.OWNER).write_text("1@another start")
    done = CliRunner().invoke(command.cli, ["processes", "--check"])
    assert done.exit_code == 1 and "sprintline ui does not run on" in done.output
