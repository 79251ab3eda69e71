"""A clone of the platform with one small scaffolded product, and a state folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sprintline.base.settings import ROOT

PARTS = ("platform", "dbt_project", "feature_repo", "pyproject.toml", "requirements.lock")
PRODUCTS = ("platform/products", "dbt_project/models", "dbt_project/macros/products", "feature_repo")


@dataclass(frozen=True)
class Clone:
    """A clone on disk; `run` calls its own `sprintline`, not the one under test's feet."""

    root: Path
    state: Path
    product: str
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def env(self) -> dict[str, str]:
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SPRINTLINE_", "DAGSTER_")) or name == "SPRINTLINE_KEYS"
        }
        return env | {
            "PYTHONPATH": str(self.root / "platform"),
            "SPRINTLINE_HOME": str(self.state),
            "DAGSTER_HOME": str(self.state / "dagster"),
            "PYTHONWARNINGS": "ignore",
            **dict(self.extra),
        }

    def run(
        self, *arguments: str, check: bool = True, timeout: float = 400
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "sprintline.cli.main", *arguments],
            cwd=self.root,
            env=self.env,
            text=True,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"{arguments}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """A command left running, in a process group of its own; with more in its environment."""
        return subprocess.Popen(
            [sys.executable, "-m", "sprintline.cli.main", *arguments],
            cwd=self.root,
            env=self.env | more,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def processes(self) -> dict[int, str]:
        """Every living process that was started with this state folder, and its command."""
        mark, found = f"SPRINTLINE_HOME={self.state}".encode(), {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it ended meanwhile, or is somebody else's
        return found

    def workers(self) -> list[int]:
        """Processes forked from the warm process."""
        warm = {pid for pid, command in self.processes().items() if "sprintline.hosting.warm" in command}
        return [pid for pid in warm if _parent(pid) in warm]

    def sprints(self) -> dict[str, dict]:
        """`sprintline status --json` of the small product, by sprint."""
        told = json.loads(self.run("status", self.product, "--json").stdout)
        return {row["sprint"]: row for row in told["products"][0]["sprints"]}


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def make_clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A copy of the working tree with `parcels` as its only product, on an empty state folder."""
    root = tmp_path_factory.mktemp("clone")
    unneeded = shutil.ignore_patterns("__pycache__", "target", "logs", "*.egg-info")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, root / part, ignore=unneeded)
        else:
            shutil.copy(ROOT / part, root / part)
    # What teams have put in or taken out says nothing of the platform.
    for folder in (one for place in PRODUCTS for one in (root / place).glob("[a-z]*/")):
        shutil.rmtree(folder)
    (root / "workspace.yaml").write_text("load_from:\n")
    made = Clone(root, tmp_path_factory.mktemp("state"), "parcels")
    made.run("new", made.product)
    return made


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return make_clone(tmp_path_factory)


S1, S2, S3, S4 = (f"2026-S0{n}" for n in range(1, 5))

LAND = """
import sys
from sprintline.hosting.replay import drop
from sprintline.base.settings import ROOT, home
from sprintline.product.runtime import load_runtime
from sprintline.hosting.instance import prepare
from sprintline.landing.samples import LANDS_AFTER

prepare(home())
runtime = load_runtime(ROOT / "platform" / "products" / "parcels")
for key in runtime.calendar.keys[:4]:
    drop(runtime, key, runtime.sources.provide)
runtime.clock.move(runtime.window(key).end + LANDS_AFTER)
"""


class Ground:
    """A small product whose sprints are closed in forks of one warm process, with marks to go back to.

    Marks are states of the folder: `landed`, and with `close_undisturbed` after each of four sprints.
    """

    def __init__(self, clone: Clone, marks: Path) -> None:
        self.clone, self.marks = clone, marks
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", LAND], cwd=clone.root, env=clone.env, check=True
        )
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(Path(__file__).with_name("crash.py"))],
            cwd=clone.root, env=clone.env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._answer()
        self.seconds: dict[str, float] = {}
        self.expected: dict[str, dict] = {}
        self._mark("landed")

    def close_undisturbed(self) -> None:
        """Close the four sprints, with a mark after each."""
        self.restore("landed")
        for sprint in (S1, S2, S3, S4):
            done = self.close(sprint)
            assert done["code"] == 0, done
            self.seconds[sprint] = done["seconds"]
            self._mark(sprint)

    @property
    def warehouse(self) -> Path:
        return self.clone.state / "warehouse" / f"{self.clone.product}.duckdb"

    def ask(self, do: str, **more) -> dict:
        self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        assert line, "the warm process ended"
        return json.loads(line)

    def _mark(self, name: str) -> None:
        self.expected[name] = self.look()
        self.ask("copy", source=str(self.clone.state), target=str(self.marks / name))

    def restore(self, name: str) -> None:
        self.ask("copy", source=str(self.marks / name), target=str(self.clone.state))

    def close(self, sprint: str, **how) -> dict:
        return self.ask("close", sprint=sprint, **how)

    def look(self) -> dict:
        return self.ask("look")

    def assert_as_undisturbed(
        self, sprint: str, told: object = "", found: dict | None = None, repairs: int = 0
    ) -> None:
        """The folder holds what it holds after this sprint was closed undisturbed: nothing lost, nothing twice.

        found: what was looked at before; without it the folder as it is. repairs: how many the sprint's closing made of
        what was changed behind its back.
        """
        found, due = found or self.look(), self.expected[sprint]
        assert found["effects"].pop(f"repaired {sprint}", 0) == repairs, told
        assert found.get("error") is None, (told, found)
        for what in due:
            assert found[what] == due[what], (told, what)
        assert found["whole"] and not found["unfinished"] and not found["damage"], (told, found)
        assert found["alias"] == found["served"], told

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)


@pytest.fixture(scope="module")
def ground(clone: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    made = Ground(clone, tmp_path_factory.mktemp("marks"))
    made.close_undisturbed()
    yield made
    made.end()
