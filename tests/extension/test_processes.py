"""A package adds a server process by a file alone: it is started, watched, shown and ended like the platform's own.

Starts are of a command `trial`, which runs none of Dagster's processes; the last test is a real `sprintline ui`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.end_to_end.conftest import make_clone
from tests.parts import require_proc

from sprintline.base.settings import ROOT, Home
from sprintline.hosting import starts


@pytest.fixture(autouse=True, scope="module")
def linux() -> None:
    """Processes are watched and signalled as on Linux."""
    require_proc()


TABLE = '''
import sys
from sprintline.mechanisms.process_table import Process, answers

SERVER = """
import http.server, os, sys, time
if sys.argv[3] == "slow":
    time.sleep(1)
if sys.argv[3] == "broken":
    sys.exit("no such model")
print("serving", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def server(name, how="quick", **more):
    return Process(
        name,
        lambda start: [sys.executable, "-c", SERVER, name, str(start.ports[name]), how],
        where=("trial", "ui"), port=0, ready=lambda start: answers(start.ports[name]), **more,
    )


PROCESSES = (
    server("gateway", after=("catalog",), restarts=1),
    server("catalog", "slow", needed=False),
    server("broken", "broken", on_request=True),
    server("stubborn", on_request=True, patience=0.5, stop_signal=0),
)
'''

COMMAND = """
import sys, time
from sprintline.base import settings
from sprintline.hosting import starts
home = settings.home()
with starts.ending_on_signals():
    starts.end_left(home, lambda told: print(told, flush=True))
    with starts.mark(home, "trial") as folder, starts.platform(home, "trial", folder, sys.argv[1:]) as running:
        while True:
            try:
                running.check()
            except starts.StartError as error:
                sys.exit(str(error))
            time.sleep(0.05)
"""


class Trial:
    """Starts of the command `trial` on one state folder."""

    def __init__(self, root: Path) -> None:
        (root / "town").mkdir(parents=True)
        (root / "town" / "__init__.py").touch()
        (root / "town" / "processes.py").write_text(TABLE)
        self.home, self.path = Home(root / "state"), root
        self.begun: list[subprocess.Popen[str]] = []

    @property
    def env(self) -> dict[str, str]:
        given = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("SPRINTLINE_") or name == "SPRINTLINE_KEYS"
        }
        return given | {
            "PYTHONPATH": os.pathsep.join([str(ROOT / "platform"), str(self.path)]),
            "SPRINTLINE_EXTENSIONS": "town",
            "SPRINTLINE_HOME": str(self.home.root),
        }

    def start(self, *asked: str, ignoring: bool = False) -> subprocess.Popen[str]:
        """The command; `ignoring` SIGINT as a job does that a shell put into the background."""
        self.begun.append(
            subprocess.Popen(
                [sys.executable, "-c", COMMAND, *asked], env=self.env, text=True, cwd=self.path,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) if ignoring else None,
            )
        )  # fmt: skip
        return self.begun[-1]

    def rows(self) -> dict[str, starts.Row]:
        return {row.name: row for one in starts.running(self.home) for row in one.rows()}

    def healthy(self, *names: str) -> dict[str, starts.Row]:
        until(lambda: all(name in (now := self.rows()) and now[name].health == "healthy" for name in names))
        return self.rows()


@pytest.fixture
def trial(tmp_path):
    made = Trial(tmp_path / "trial")
    yield made
    for process in made.begun:
        process.kill()
        process.wait()
        process.stdout.close()
    starts.end_left(made.home, lambda told: None)
    assert not starts.running(made.home)


def until(true, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def alive(pids) -> list[int]:
    return [pid for pid in pids if starts.started(pid) is not None]


def test_it_starts_in_its_order_and_its_health_port_and_log_are_shown(trial):
    trial.start()
    until(lambda: "catalog" in trial.rows())
    rows = trial.rows()
    if rows["catalog"].health == "starting":
        assert rows["gateway"].health == "waiting" and rows["gateway"].pid is None
    rows = trial.healthy("catalog", "gateway")
    assert list(rows) == ["catalog", "gateway"], (
        "the one that is waited for comes first; on request comes no other"
    )
    assert rows["catalog"].since < rows["gateway"].since
    with urlopen(f"http://127.0.0.1:{rows['gateway'].port}", timeout=5) as answer:
        assert answer.status == 200
    assert Path(rows["gateway"].log).read_text().startswith("serving")
    shown = call(trial, "processes")
    assert f"gateway: healthy, process {rows['gateway'].pid}, port {rows['gateway'].port}" in shown
    found = json.loads(call(trial, "processes", "--json"))["starts"]
    assert found[0]["command"] == "trial" and found[0]["processes"][1] == rows["gateway"].as_json()


@pytest.mark.parametrize("ignoring", [False, True], ids=["in-front", "in-the-background"])
@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_signal_ends_it(trial, how, code, ignoring):
    command = trial.start(ignoring=ignoring)
    pids = [row.pid for row in trial.healthy("catalog", "gateway").values()]
    command.send_signal(how)
    said = command.communicate(timeout=60)[0]
    assert command.returncode == code, said
    assert not alive(pids) and not starts.running(trial.home)
    assert "No process runs on" in call(trial, "processes")


def test_killed_it_is_started_again_until_its_restarts_are_used_up_and_then_told(trial):
    command = trial.start()
    first = trial.healthy("catalog", "gateway")["gateway"]
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: trial.rows()["gateway"].restarts == 1)
    second = trial.healthy("gateway")["gateway"]
    assert second.pid != first.pid and second.port == first.port
    told = starts.running(trial.home)[0].table["events"]
    assert told == [
        f"gateway (process {first.pid}) was ended by SIGKILL and was started again (1 of at most 1): see {first.log}"
    ]
    others = trial.rows()["catalog"].pid
    os.kill(second.pid, signal.SIGKILL)
    said = command.communicate(timeout=60)[0]
    assert command.returncode == 1
    assert f"gateway (process {second.pid}) was ended by SIGKILL: see {first.log}\n  serving" in said
    assert not alive([others])


def test_one_that_is_not_needed_is_only_reported(trial):
    trial.start()
    catalog = trial.healthy("catalog", "gateway")["catalog"]
    os.kill(catalog.pid, signal.SIGKILL)
    until(lambda: starts.running(trial.home)[0].table["events"])
    assert "is not started again" in starts.running(trial.home)[0].table["events"][0]
    assert trial.rows()["catalog"].health == "ended" and trial.rows()["catalog"].pid is None
    assert trial.rows()["gateway"].health == "healthy"


def test_one_that_hangs_is_unhealthy_until_it_goes_on(trial):
    trial.start()
    gateway = trial.healthy("catalog", "gateway")["gateway"]
    os.kill(gateway.pid, signal.SIGSTOP)
    until(lambda: trial.rows()["gateway"].health == "unhealthy")
    os.kill(gateway.pid, signal.SIGCONT)
    until(lambda: trial.rows()["gateway"].health == "healthy")


def test_one_that_does_not_start_is_told_with_the_end_of_its_log(trial):
    command = trial.start("broken")
    said = command.communicate(timeout=60)[0]
    assert command.returncode == 1 and "broken (process " in said and "ended with exit code 1: see " in said
    assert said.rstrip().endswith("no such model")


def test_one_that_ignores_its_stop_signal_is_killed(trial):
    command = trial.start("stubborn")
    pid = trial.healthy("stubborn")["stubborn"].pid
    command.terminate()
    command.communicate(timeout=60)
    assert not alive([pid])


def test_what_is_unknown_is_refused_before_anything_starts(trial):
    command = trial.start("oven")
    said = command.communicate(timeout=60)[0]
    assert command.returncode == 1
    assert "--with oven: there is no such process; choose from broken, stubborn" in said
    assert not starts.running(trial.home)


def test_a_killed_command_leaves_nothing(trial):
    command = trial.start()
    pids = [row.pid for row in trial.healthy("catalog", "gateway").values()]
    command.kill()
    until(lambda: not alive(pids))
    until(lambda: not starts.running(trial.home))


def test_what_is_left_when_the_supervisor_is_killed_too_is_ended_at_the_next_start_and_said(trial):
    command = trial.start()
    rows = trial.healthy("catalog", "gateway")
    supervisor = starts.running(trial.home)[0].supervisor
    # Stopped first: of two that are killed one after the other, the second may still see the first one's end and act.
    for how in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (supervisor, command.pid):
            os.kill(pid, how)
    command.wait()
    until(lambda: not alive([supervisor]))
    pids = [row.pid for row in rows.values()]
    assert alive(pids) == pids, "nobody is there to end them"
    assert {row.health for row in trial.rows().values()} == {"left behind"}
    assert starts.at_work(trial.home) == "sprintline trial"
    assert "(killed; the next start ends what it left)" in call(trial, "processes")
    following = trial.start()
    said = following.stdout.readline()
    assert said.startswith("An earlier `sprintline trial` was killed and left catalog (process ")
    assert f"gateway (process {rows['gateway'].pid}): now ended" in said
    assert not alive(pids)
    trial.healthy("catalog", "gateway")


def test_a_killed_supervisor_is_told_and_its_command_ends_what_it_left(trial):
    command = trial.start()
    pids = [row.pid for row in trial.healthy("catalog", "gateway").values()]
    os.kill(starts.running(trial.home)[0].supervisor, signal.SIGKILL)
    said = command.communicate(timeout=60)[0]
    assert command.returncode == 1 and "the supervisor of the processes ended (-9)" in said
    assert not alive(pids)


def call(trial: Trial, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sprintline.cli.main", *arguments], env=trial.env, text=True, capture_output=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.end_to_end
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_real_ui_runs_it_beside_daemon_webserver_and_code_server(trial, tmp_path_factory, how):
    clone = make_clone(tmp_path_factory)
    trial.home = Home(clone.state)
    env = clone.env | {
        "PYTHONPATH": os.pathsep.join([clone.env["PYTHONPATH"], str(trial.path)]),
        "SPRINTLINE_EXTENSIONS": "town",
    }
    command = subprocess.Popen(
        [sys.executable, "-m", "sprintline.cli.main", "ui", "--port", "0"], env=env, text=True, cwd=clone.root,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    trial.begun.append(command)
    names = ("code-server/parcels", "daemon", "webserver", "catalog", "gateway")
    until(lambda: trial.rows() and all(row.health == "healthy" for row in trial.rows().values()), 240)
    rows = trial.rows()
    assert sorted(rows) == sorted(names)
    assert starts.open_ui(trial.home) is not None
    query = json.dumps({"query": "mutation { reloadRepositoryLocation(repositoryLocationName: \"parcels\") "
                                 "{ __typename ... on WorkspaceLocationEntry { loadStatus } } }"})  # fmt: skip
    until(lambda: "LOADED" in ask(rows["webserver"].port, query), 120)
    command.send_signal(how)
    said = command.communicate(timeout=150)[0]
    assert command.returncode == (130 if how is signal.SIGINT else 143), said
    address = re.search(r"Ready: (http://127\.0\.0\.1:\d+)", said)[1]
    assert f"{address}/assets/parcels/increment" in said and "No sprint of parcels has closed yet" in said
    assert "Warning" not in said and "deprecated" not in said
    until(lambda: not clone.processes(), 30)


def ask(port: int, query: str) -> str:
    from urllib.request import Request

    request = Request(
        f"http://127.0.0.1:{port}/graphql", query.encode(), {"Content-Type": "application/json"}
    )
    with urlopen(request, timeout=120) as answer:
        return answer.read().decode()
