"""Runs faults in a throw-away clone under a temporary folder; neither the team's clone nor its state is touched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sprintline.base.settings import ROOT
from sprintline.mechanisms.rules.faults import Fault
from sprintline.mechanisms.rules.verdicts import Outcome

PARTS = ("platform/sprintline", "dbt_project", "platform/dg.toml", "pyproject.toml", "requirements.lock")
_UNNEEDED = shutil.ignore_patterns("__pycache__", "target", "logs", "*.egg-info", "models")
_FOREIGN = ("SPRINTLINE_", "DAGSTER_", "DBT_")


class FaultsError(RuntimeError):
    """The suite could not be run: the throw-away product could not be made."""


@dataclass(frozen=True)
class Tried:
    """The result of one fault.

    caught: the materialized check failed and the recorded verdict is the expected one. clean_passes: the same check
    passed without the fault. says: the check's sentence, or why there was none. seconds: for planting and judging.
    """

    fault: Fault
    caught: bool
    clean_passes: bool
    says: str
    clean_says: str
    seconds: float


@dataclass(frozen=True)
class Suite:
    """All results, and the verdicts on the throw-away product's sprints before any fault.

    verdicts: (code, asset, sprint, outcome, sentence) of clean sprints. seconds: for making the states.
    """

    tried: tuple[Tried, ...]
    verdicts: tuple[tuple[str, str, str, str, str], ...] = ()
    seconds: float = 0.0
    states: dict[str, float] = field(default_factory=dict)


def run(faults: Iterable[Fault], report: Callable[[str], None] = lambda _: None) -> Suite:
    """Plant each fault in turn and see whether its check catches it.

    Args:
        faults: the faults to plant.
        report: is called with a sentence after every step, as progress.

    Raises:
        FaultsError: the throw-away product could not be made, or its process died.
    """
    by_key = {fault.key: fault for fault in faults}
    if not by_key:
        return Suite(())
    with tempfile.TemporaryDirectory(prefix="sprintline-faults-") as folder:
        clone = Path(folder).resolve() / "clone"
        make_clone(clone)
        report(f"making a throw-away product for {len(by_key)} faults")
        with (clone / "worker.log").open("w+") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "sprintline.faults.worker", *by_key],
                cwd=clone,
                env=_environment(clone),
                text=True,
                stdout=subprocess.PIPE,
                stderr=log,
            )
            try:
                suite = _collect(worker, by_key, report)
            finally:
                worker.terminate()
                worker.wait()
            if len(suite.tried) != len(by_key):
                log.seek(0)
                raise FaultsError(
                    f"the throw-away product stopped after {len(suite.tried)} of {len(by_key)} faults: "
                    f"{cause_in(log.read())}"
                )
    return suite


def cause_in(log: str) -> str:
    """The last line of a process's output, without what libraries report of memory when it ends."""
    lines = [line.strip() for line in log.partition("\nnanobind: leaked")[0].splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


def make_clone(clone: Path) -> None:
    """Copy the parts of this clone that a product needs, without any product."""
    for part in PARTS:
        source, target = ROOT / part, clone / part
        if source.is_dir():
            unneeded = _UNNEEDED if part == "dbt_project" else shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, target, ignore=unneeded)
        elif source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (clone / folder).mkdir(parents=True)
    (clone / "platform/products/__init__.py").touch()
    for file in (ROOT / "feature_repo").glob("*.yaml"):
        shutil.copy(file, clone / "feature_repo")


def _environment(clone: Path) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) or name == "SPRINTLINE_EXTENSIONS"
    }
    path = [str(clone / "platform"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return inherited | {
        "PYTHONPATH": os.pathsep.join(path),  # the clone's own code first, then the extensions'
        "SPRINTLINE_HOME": str(clone / "state"),
        "SPRINTLINE_KEYS": str(clone / "keys"),
        "PYTHONWARNINGS": "ignore",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def _collect(worker: subprocess.Popen[str], by_key: dict[str, Fault], report: Callable[[str], None]) -> Suite:
    tried: list[Tried] = []
    verdicts: tuple[tuple[str, str, str, str, str], ...] = ()
    states: dict[str, float] = {}
    for text in worker.stdout or ():
        line: dict[str, Any] = json.loads(text)
        if "state" in line:
            states[line["state"]] = line["seconds"]
            verdicts = tuple(tuple(one) for one in line["verdicts"])
            report(f"its sprint is {line['state']} after {line['seconds']:.0f} s")
            continue
        found = judged(by_key[line["key"]], line)
        tried.append(found)
        word = "caught" if found.caught else "MISSED"
        report(f"{word} {found.fault.key} ({len(tried)} of {len(by_key)}, {found.seconds:.1f} s)")
    return Suite(tuple(tried), verdicts, sum(one.seconds for one in tried), states)


def judged(fault: Fault, line: dict[str, Any]) -> Tried:
    """Whether a fault was caught by the check that Dagster shows and by the verdict that gates read."""
    planted, clean = line["planted"], line["clean"]
    check, verdict = planted.get("check"), planted.get("verdict")
    caught = bool(check and verdict and not check["passed"] and Outcome(verdict["outcome"]) is fault.expects)
    clean_check, clean_verdict = clean.get("check"), clean.get("verdict")
    passes = bool(
        clean_check
        and clean_verdict
        and clean_check["passed"]
        and Outcome(clean_verdict["outcome"]) is Outcome.PASS
    )
    return Tried(fault, caught, passes, _says(planted), _says(clean), line["seconds"])


def _says(found: dict[str, Any]) -> str:
    if "error" in found:
        return str(found["error"])
    check, verdict = found.get("check"), found.get("verdict")
    if not check:
        return "its check did not run"
    return f"{check['says']}" if verdict else f"{check['says']} (no verdict was recorded)"
