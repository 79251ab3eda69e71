"""The `dg` commands that README.md names, as it names them: called in `platform/`, without further arguments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sprintline.base.settings import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

LAND = """
from pathlib import Path
from sprintline.hosting.replay import drop
from sprintline.base.settings import home
from sprintline.product.runtime import load_runtime
from sprintline.hosting.instance import prepare

prepare(home())
runtime = load_runtime(Path("products/parcels").resolve())
drop(runtime, "2026-S01", runtime.sources.provide)
"""


def start(clone, *command: str) -> subprocess.Popen[str]:
    programs = str(Path(sys.executable).parent)
    env = clone.env | {
        "DG_CLI_CONFIG": str(clone.root / "platform" / "dg.toml"),
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "PATH": os.pathsep.join([programs, os.environ["PATH"]]),
    }
    return subprocess.Popen(
        command,
        cwd=clone.root / "platform",
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def end(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=200)
    assert process.returncode == 0, out[-3000:]
    return out


def test_dg_lists_checks_scaffolds_and_launches(clone):
    # First, and alone: two `dg` commands that open a fresh instance together fail on each other's half-made databases.
    end(start(clone, sys.executable, "-c", LAND))
    listed, checked = start(clone, "dg", "list", "defs"), start(clone, "dg", "check", "defs")
    told = end(listed)
    for name in (
        "parcels_closing",
        "parcels_landing",
        "parcels/question_features",
        "parcels_retraining",
    ):
        assert name in told
    assert "All component YAML validated successfully" in (told := end(checked))
    assert "All definitions loaded successfully" in told

    launched = start(
        clone,
        "dg",
        "launch",
        "--job",
        "parcels_closing",
        "--partition",
        "2026-S01",
        "-m",
        "products.parcels.definitions",
    )
    yaml_checked = start(clone, "dg", "check", "yaml", "products/parcels")
    assert "validated successfully" in end(yaml_checked)
    assert "RUN_SUCCESS" in end(launched)
    assert clone.sprints()["2026-S01"]["state"] == "closed"

    end(start(clone, "dg", "scaffold", "defs", "sprintline.components.DataProduct", "bakery"))
    locations = yaml.safe_load((clone.root / "workspace.yaml").read_text())["load_from"]
    assert locations[-1]["python_module"]["module_name"] == "products.bakery.definitions"
    assert "bakery: sound" in clone.run("check", "bakery").stdout


def test_the_commands_stand_in_the_readme():
    text = (ROOT / "README.md").read_text()
    for command in (
        "dg list defs",
        "dg check defs",
        "dg check yaml products/",
        "dg launch --job",
        "dg scaffold defs",
    ):
        assert command in text
