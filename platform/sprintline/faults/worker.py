"""Runs inside the throw-away clone: makes its states, then materializes every case in a separate process.

It reads the keys of faults from its arguments and writes a JSON line per state and case. Libraries are imported once;
each case is a fork that loads the product again, so no cache is older than its files.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sprintline.base.settings import ROOT, home
from sprintline.faults.catalogue import all_faults
from sprintline.faults.sandbox import CALM, HISTORY, LATER_CHAMPION, WEAK, Sandbox
from sprintline.hosting.in_process import materialize
from sprintline.hosting.warm import preload
from sprintline.mechanisms.rules.faults import AFTER_CLOSING, DONE, LANDED, PRODUCT, SCORED, Fault
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.run_rules import judge_asset
from sprintline.mechanisms.rules.scope import Scope
from sprintline.product.past import closing_of

PARTS = ("platform/products", "dbt_project/models", "feature_repo")
UNDECIDED = ("candidate", "champion", "increment")


@dataclass(frozen=True)
class Case:
    """One materialization: of a fault, or of its clean counterpart."""

    code: str
    asset: str
    run: tuple[str, ...]
    state: str
    sprints_before: int
    scope: Scope | None = None

    @classmethod
    def of(cls, fault: Fault) -> Case:
        return cls(fault.code, fault.asset, fault.run, fault.state, fault.sprints_before, fault.scope)

    @property
    def shared(self) -> tuple[Any, ...]:
        """Cases that can share one clean materialization: the same assets are run, or the same check alone."""
        alone = (self.code, self.asset, self.scope) if self.scope or not self.run else ()
        return (self.run, self.state, self.sprints_before, *alone)


def main(keys: Sequence[str]) -> None:
    """Make the product and its states, then run the cases of the faults named."""
    preload()
    sys.dont_write_bytecode = (
        True  # a module edited twice within a second would be read from its old compiled file
    )
    saved = ROOT / "saved"
    chosen = [fault for fault in all_faults() if fault.key in keys]
    for name, text in _states(saved, {fault.state for fault in chosen}):
        write_line({"state": name, **text})
    clean: dict[tuple[Any, ...], dict[str, Any]] = {}
    for fault in chosen:
        case = Case.of(fault)
        if case.shared not in clean:
            start = time.monotonic()
            restore(saved, case.state)
            clean[case.shared] = in_fork(partial(materialized, case, None))
            clean[case.shared]["seconds"] = time.monotonic() - start
        start = time.monotonic()
        restore(saved, case.state)
        planted = in_fork(partial(materialized, case, fault))
        write_line(
            {
                "key": fault.key,
                "planted": _of(planted, case),
                "clean": _of(clean[case.shared], case),
                "seconds": round(time.monotonic() - start, 2),
            }
        )


def write_line(line: dict[str, Any]) -> None:
    """Write a JSON line to the process that started this one."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


# --- states ----------------------------------------------------------------------------------------------------------


def _states(saved: Path, wanted: set[str]) -> Any:
    """Make the needed states, each from the one before; yields the time and the verdicts of each."""
    from sprintline.scaffold.create import create_product

    start = time.monotonic()
    create_product(PRODUCT, ROOT)
    sandbox = Sandbox(home())
    sandbox.edit("platform/products/{product}/defs.yaml", CALM, LATER_CHAMPION)
    keep_files(saved)
    sandbox.edit("platform/products/{product}/model.py", WEAK)
    steps: list[tuple[str, Callable[[], dict[str, Any]]]] = [
        (LANDED, history),
        (SCORED, lambda: advance(without=UNDECIDED)),
        (AFTER_CLOSING, lambda: advance(only=UNDECIDED)),
    ]
    last = max(place for place, (name, _) in enumerate(steps) if name in wanted)
    for name, step in steps[: last + 1]:
        found = in_fork(step)
        if "error" in found:
            raise SystemExit(f"the throw-away product does not reach the state {name}: {found['error']}")
        shutil.copytree(home().root, saved / name)
        restore_files(saved)
        yield name, {"seconds": round(time.monotonic() - start, 2), **found}


def history() -> dict[str, Any]:
    """Sprints before the one on trial, closed one by one; then the one on trial lands."""
    sandbox = Sandbox(home())
    for sprint in sandbox.runtime.calendar.keys[:HISTORY]:
        sandbox.arrive(sprint)
        materialize(PRODUCT, None, sprint)
        if closing_of(sandbox.runtime, sprint) is None:
            raise RuntimeError(f"{sprint} does not close; see trial.log")
    sandbox.arrive(sandbox.sprint)
    return _recorded(sandbox)


def advance(without: tuple[str, ...] = (), only: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Materialize the sprint on trial: all but some assets, or only some."""
    sandbox = Sandbox(home())
    materialize(PRODUCT, only, sandbox.sprint, without)
    return _recorded(sandbox)


def _recorded(sandbox: Sandbox) -> dict[str, Any]:
    found = sandbox.runtime.records.verdicts(PRODUCT)
    return {"verdicts": [[one.code, one.asset, one.sprint, str(one.outcome), one.sentence] for one in found]}


def keep_files(saved: Path) -> None:
    """Copy the product's own files, its declarations, models and features, to be restored before every case."""
    for part in PARTS:
        shutil.copytree(ROOT / part / PRODUCT, saved / "files" / part)


def restore_files(saved: Path) -> None:
    """Restore the product's own files."""
    for part in PARTS:
        shutil.rmtree(ROOT / part / PRODUCT)
        shutil.copytree(saved / "files" / part, ROOT / part / PRODUCT)


def restore(saved: Path, state: str) -> None:
    """Restore the product's files and its state folder, at the same path: stores contain absolute paths."""
    restore_files(saved)
    shutil.rmtree(home().root, ignore_errors=True)
    shutil.copytree(saved / state, home().root)


# --- cases -----------------------------------------------------------------------------------------------------------


def materialized(case: Case, fault: Fault | None) -> dict[str, Any]:
    """Plant, then let Dagster materialize: every check's evaluation of the sprint on trial, and the verdicts."""
    sandbox = Sandbox(home())
    if fault is not None:
        fault.plant(sandbox)
    keys, place = sandbox.runtime.calendar.keys, HISTORY
    checks: dict[str, dict[str, Any]] = {}
    for sprint in keys[place - case.sprints_before : place + 1] if case.run or not case.scope else ():
        checks = materialize(
            PRODUCT, case.run or None, sprint, check=None if case.run else (case.asset, case.code)
        )
    runtime, scope = Sandbox(home()).runtime, case.scope or Scope.sprint(sandbox.sprint)
    if case.scope is not None:
        for one in judge_asset(runtime, all_rules()[case.code].judges, case.asset, scope):
            checks[f"{one.asset}/{one.code}"] = {"passed": one.passes, "says": one.sentence}
    recorded = {
        f"{one.asset}/{one.code}": {
            "outcome": str(one.outcome),
            "sentence": one.sentence,
            "version": one.data_version,
        }
        for one in runtime.records.verdicts(PRODUCT, scope)
    }
    closing = closing_of(Sandbox(home()).runtime, sandbox.sprint)
    if closing is not None:
        # The gate is reported like a rule: open is a pass, and its reasons are the sentence.
        checks[f"increment/{DONE}"] = {"passed": closing["done"], "says": "; ".join(closing["missing"])}
        recorded[f"increment/{DONE}"] = {
            "outcome": "pass" if closing["done"] else "fail",
            "sentence": "; ".join(closing["missing"]),
            "version": closing["version"],
        }
    return {"checks": checks, "verdicts": recorded}


def _of(found: dict[str, Any], case: Case) -> dict[str, Any]:
    """The check and the verdict of one rule on one asset in a materialization."""
    if "error" in found:
        return {"error": found["error"]}
    name = f"{case.asset}/{case.code}"
    return {"check": found["checks"].get(name), "verdict": found["verdicts"].get(name)}


def in_fork(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run a function in a fork of this process and return its result; its output goes to a log in the clone."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        log = os.open(ROOT / "trial.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        try:
            found = work()
        except BaseException as error:  # noqa: BLE001 - reported to the parent process
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {error}"}
        with os.fdopen(writer, "w") as pipe:
            json.dump(found, pipe, default=str)
        sys.stderr.flush()
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"error": "its process ended without a result"}


if __name__ == "__main__":
    main(sys.argv[1:])
