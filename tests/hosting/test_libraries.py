"""The libraries' own commands and servers on a product's state: `sprintline env`, `docs`, `feast` and `mlflow`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from tests.end_to_end.conftest import Clone, make_clone
from tests.parts import require_proc

from sprintline.base.settings import Home
from sprintline.hosting import starts
from sprintline.hosting.libraries import of_product, shell_lines

SMALL_STATE = """
import duckdb
from mlflow import MlflowClient
from sprintline.base.settings import ROOT, home
from sprintline.features.store import FeatureStore
from sprintline.product.runtime import load_runtime
from sprintline.warehouse.dbt import Warehouse, _empty_table

runtime = load_runtime(ROOT / "platform" / "products" / "parcels")
warehouse = Warehouse.of(runtime)
for path, columns in warehouse._source_tables():
    _empty_table(path, columns or {"sprint": "string"})
duckdb.connect(str(warehouse.file)).close()
FeatureStore.of(runtime).apply()
home().models.mkdir()
MlflowClient(home().mlflow_url).create_experiment("parcels")
"""
COMMAND = [sys.executable, "-m", "sprintline.cli.main"]
PAGES = {
    "docs": ("/", "/manifest.json", "courier_hours"),
    "feast": ("/", "/api/v1/feature_views/all", "courier_delays"),
    "mlflow": (
        "/",
        "/ajax-api/2.0/mlflow/experiments/get-by-name?experiment_name=parcels",
        "artifact_location",
    ),
}


class TestShell:
    """The lines for a shell; a shell reads them."""

    @pytest.fixture
    def awkward(self, tmp_path: Path, small_clone: Path) -> Home:
        return Home(tmp_path / 'it\'s $(touch pwned) `touch pwned`; "a"\nb')

    def test_every_value_comes_through_a_shell_as_it_is(self, awkward, tmp_path):
        given = "\n".join(shell_lines(awkward, "flight_delays", shown=False))
        said = subprocess.run(
            ["bash", "-c", 'eval "$LINES_GIVEN"; env -0'],
            env={"LINES_GIVEN": given, "PATH": os.environ["PATH"], "SPRINTLINE_SPRINT": "2013-S01"},
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = dict(line.split("=", 1) for line in said.stdout.split("\0") if line)
        assert found["SPRINTLINE_HOME"] == str(awkward.root)
        assert found["DAGSTER_HOME"] == str(awkward.dagster)
        assert found["SPRINTLINE_WAREHOUSE"] == str(awkward.warehouse_file("flight_delays"))
        assert found["PATH"].split(":")[0] == str(Path(sys.executable).parent)
        assert found["DO_NOT_TRACK"] == "true", "MLflow heeds no other word"
        assert "SPRINTLINE_SPRINT" not in found, "an old sprint would be compiled for"
        assert not (tmp_path / "pwned").exists() and not said.stderr

    def test_without_a_product_an_earlier_ones_variables_go(self, home, small_clone):
        lines = list(shell_lines(home, None, shown=False))
        (unset,) = [line.split()[1:] for line in lines if line.startswith("unset ")]
        assert {"SPRINTLINE_PRODUCT", "SPRINTLINE_WAREHOUSE", "FEATURE_REPO_DIR_ENV_VAR"} <= set(unset)
        assert "DO_NOT_TRACK" not in unset and "DBT_SEND_ANONYMOUS_USAGE_STATS" not in unset

    def test_a_password_goes_to_a_shell_and_not_to_a_screen(self, home, small_clone, monkeypatch):
        url = "postgresql://team:h'ush@db/all"
        monkeypatch.setenv("SPRINTLINE_DATABASE_URL", url)
        assert "h'ush" not in "\n".join(shell_lines(home, None, shown=True))
        whole = [line for line in shell_lines(home, None, shown=False) if """h'"'"'ush""" in line]
        assert {line.partition("=")[0] for line in whole} == {
            f"export {name}"
            for name in ("SPRINTLINE_DAGSTER_URL", "MLFLOW_TRACKING_URI", "MLFLOW_BACKEND_STORE_URI")
        }

    def test_dbt_by_hand_leaves_the_platforms_parse_alone(self, home, small_clone):
        assert of_product(home, "parcels")["DBT_TARGET_PATH"] != str(home.dbt_target("parcels"))


def test_what_only_shows_the_state_closes_no_sprint(tmp_path):
    home = Home(tmp_path / "state")
    with starts.mark(home, "mlflow"):
        assert starts.at_work(home) == "sprintline mlflow" and starts.closing_now(home) is None
        with starts.mark(home, "replay"):
            assert starts.at_work(home) == starts.closing_now(home) == "sprintline replay"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return make_clone(tmp_path_factory)


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("docs", "no sprint of parcels has been built"),
        ("feast", "no feature of parcels has been registered"),
        ("mlflow", "no model has been trained"),
    ],
)
def test_without_a_state_it_says_what_is_missing_and_makes_nothing(empty, library, words):
    done = empty.run(library, check=False)
    assert done.returncode == 1 and not done.stdout
    assert words in done.stderr and "sprintline replay parcels" in done.stderr
    assert not list(empty.state.iterdir())


@pytest.mark.slow
class TestServers:
    @pytest.fixture(scope="class")
    def clone(self, empty: Clone) -> Iterator[Clone]:
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SMALL_STATE], cwd=empty.root, env=empty.env, check=True
        )
        yield empty
        for left in empty.processes():
            os.kill(left, signal.SIGKILL)

    @pytest.mark.parametrize("library", PAGES)
    def test_its_pages_come_on_loopback_and_all_ends_with_the_command(self, clone, library, tmp_path):
        require_proc()
        before = {path for path in clone.root.rglob("*") if "__pycache__" not in path.parts}
        process = subprocess.Popen(
            [*COMMAND, library, "--port", "0"], cwd=clone.root, env=clone.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            port = _ready(process)
            *paths, words = PAGES[library]
            assert [_page(port, path)[0] for path in paths] == [200, 200]
            assert words in _page(port, paths[1])[1]
            assert _addresses(port) == {"0100007F"}, "127.0.0.1 and no other address"
            if library == "mlflow":
                process.kill()  # no time to end anything: the supervisor does
            else:
                os.killpg(process.pid, signal.SIGINT)
            assert process.wait(30) == (-signal.SIGKILL if library == "mlflow" else 130)
            until = time.monotonic() + 30
            while clone.processes() and time.monotonic() < until:
                time.sleep(0.1)
            assert clone.processes() == {}
        finally:
            process.kill()
            process.wait()
        left = {path for path in clone.root.rglob("*") if "__pycache__" not in path.parts} - before
        assert not left, "all that is written is in the state folder"

    def test_bare_commands_work_in_a_shell_that_read_the_lines(self, clone):
        shell = """
        eval "$("$PYTHON" -m sprintline.cli.main env 2>/dev/null)"; cd /
        dbt -q ls --resource-type model >"$OUT/dbt" & feast feature-views list >"$OUT/feast" &
        mlflow experiments search >"$OUT/mlflow" & wait
        """
        out = clone.state / "out"
        out.mkdir()
        env = clone.env | {"PYTHON": sys.executable, "OUT": str(out), "PATH": os.defpath}
        subprocess.run([shutil.which("bash") or "bash", "-c", shell], cwd=clone.root, env=env, check=True)
        assert "sprintline.marts.courier_hours" in (out / "dbt").read_text().split()
        assert "courier_delays" in (out / "feast").read_text()
        assert "parcels" in (out / "mlflow").read_text()

    def test_a_port_that_is_taken_is_refused_before_anything_starts(self, clone):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            done = clone.run("mlflow", "--port", str(port), check=False)
        assert done.returncode == 1 and f"port {port}" in done.stderr and "--port" in done.stderr
        assert clone.processes() == {}


def _ready(process: subprocess.Popen[str]) -> int:
    """The port that the command names once it is ready."""
    said = []
    for line in process.stdout or ():
        said.append(line)
        if found := re.match(r"Ready: http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise AssertionError(f"it ended: {''.join(said)}")


def _page(port: int, path: str) -> tuple[int, str]:
    client = HTTPConnection("127.0.0.1", port, timeout=20)
    client.request("GET", path)
    answer = client.getresponse()
    return answer.status, answer.read().decode()


def _addresses(port: int) -> set[str]:
    """Local addresses, as the kernel writes them, on which somebody listens at a port."""
    rows = [
        line.split()
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
    ]
    found = (row[1].split(":") for row in rows if row[3] == "0A")
    return {address for address, at in found if int(at, 16) == port}
