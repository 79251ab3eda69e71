"""A clone of the platform with one small scaffolded product, and a state folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from sprintline.settings import ROOT

PARTS = ("platform", "dbt_project", "feature_repo", "pyproject.toml", "requirements.lock")
PRODUCTS = ("platform/products", "dbt_project/models", "dbt_project/macros/products", "feature_repo")


@dataclass(frozen=True)
class Clone:
    """A clone on disk; `run` calls its own `sprintline`, not the one under test's feet."""

    root: Path
    state: Path
    product: str

    @property
    def env(self) -> dict[str, str]:
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SPRINTLINE_", "DAGSTER_"))
        }
        return env | {
            "PYTHONPATH": str(self.root / "platform"),
            "SPRINTLINE_HOME": str(self.state),
            "DAGSTER_HOME": str(self.state / "dagster"),
            "PYTHONWARNINGS": "ignore",
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

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command left running, in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "sprintline.cli.main", *arguments],
            cwd=self.root,
            env=self.env,
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

    def sprints(self) -> dict[str, dict]:
        """`sprintline status --json` of the small product, by sprint."""
        told = json.loads(self.run("status", self.product, "--json").stdout)
        return {row["sprint"]: row for row in told["products"][0]["sprints"]}


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
