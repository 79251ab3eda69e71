"""Runs inside a clone: closes sprints in forks of a process that has the libraries loaded, and ends them as asked.

It reads a request per line and answers each with one, both JSON. A fork costs milliseconds where a process of its own
costs ten seconds, so that a hundred kills are affordable; what runs in it is the product's closing job on the state
folder's real Dagster instance.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg

from sprintline.base import failpoints
from sprintline.base.failpoints import VARIABLE
from sprintline.base.settings import home
from sprintline.faults.worker import in_fork
from sprintline.hosting import reaper
from sprintline.hosting.warm import PRELOADED, PRELOADED_LATER, preload
from sprintline.landing.folder import Landing
from sprintline.learning.registry import Models
from sprintline.product.runtime import Runtime, load_runtime
from sprintline.state.hashes import parts_of
from sprintline.state.state_hash import state_hash

PRODUCT = "parcels"


def main() -> None:
    preload((*PRELOADED, *PRELOADED_LATER))
    tell({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        tell({"close": closed, "look": looked, "copy": copied}[request.pop("do")](**request))
    os._exit(0)  # taking down that many libraries in order would be of no use


def tell(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def copied(source: str, target: str) -> dict[str, Any]:
    """A folder takes the place of another: stores keep absolute paths, so a state is restored where it was."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)
    return {}


def closed(
    sprint: str, failpoint: str | None = None, after: float | None = None, full: str | None = None
) -> dict[str, Any]:
    """Close a sprint: undisturbed, killed at a failpoint or after some seconds, or with a full disk from a failpoint
    on.

    The exit code is that of the process (-9 when it was killed), 3 when the run failed; `failed` says why.
    """
    begun, notes = time.monotonic(), home().root.parent / "notes.json"
    notes.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            log = os.open(
                "/dev/null" if full else notes.with_name("runs.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND
            )
            os.dup2(log, 1)
            os.dup2(log, 2)
            if failpoint or full:
                os.environ[VARIABLE] = failpoint or full or ""
            code = _close(sprint, notes, bool(full))
        finally:
            os._exit(code)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    told = json.loads(notes.read_text()) if notes.exists() else {}
    return {"code": code, "seconds": round(time.monotonic() - begun, 2), **told}


def _close(sprint: str, notes: Path, full: bool) -> int:
    from products.parcels.definitions import defs

    job = defs.get_repository_def().get_job(f"{PRODUCT}_closing")
    if full:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a full disk is an error to be reported, not a signal
        # Where the process would be killed, no file can be made longer any more.
        failpoints.os = SimpleNamespace(environ=os.environ, getpid=os.getpid, kill=lambda *_: _files_up_to(0))
    # Dagster's own events have a disk of their own then, else its first would be the last.
    with dg.DagsterInstance.ephemeral() if full else dg.DagsterInstance.get() as instance:
        done = job.execute_in_process(partition_key=sprint, instance=instance, raise_on_error=False)
    _files_up_to(resource.RLIM_INFINITY)
    failed = {
        event.step_key: _words(event.step_failure_data.error)
        for event in done.all_events
        if event.event_type_value == "STEP_FAILURE"
    }
    notes.write_text(json.dumps({"run": done.run_id, "failed": failed}))
    return 0 if done.success else 3


def _files_up_to(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _words(error: Any) -> str:
    words = []
    while error is not None:
        words.append(f"{error.cls_name}: {error.message.strip()}")
        error = error.cause
    return "\n".join(words)


def looked() -> dict[str, Any]:
    """What a state folder holds, told by a fork: contents by part, how often each effect happened, and its health."""
    return in_fork(partial(_look, _runtime()))


def _look(runtime: Runtime) -> dict[str, Any]:
    reaper.LAUNCHED_WITHIN = -1  # every process of the folder has ended
    with dg.DagsterInstance.get() as instance:
        reaper.reap(instance)
        runs = [run.status.value for run in instance.get_runs() if not run.is_finished]
    parts = parts_of(PRODUCT, runtime.home)
    decisions = {
        event.sprint: [event.body["decision"], event.body["champion_after"]]
        for event in runtime.records.events(product=PRODUCT, kind="decision")
    }
    serving = [champion for _, champion in decisions.values() if champion]
    releases = runtime.home.models / "releases"
    quarantine = runtime.home.quarantine
    return {
        "state": {
            **{f"{one.room}/{one.table}/{one.sprint}": one.hash for one in parts},
            "": state_hash(parts),
        },
        "effects": _effects(runtime),
        "decisions": decisions,
        "alias": runtime[Models].alias("champion") if serving else None,
        "served": serving[-1] if serving else None,
        "releases": sorted(one.name for one in releases.glob("*")) if releases.is_dir() else [],
        "damage": [fault for one in serving for fault in runtime[Models].release(one).verify()],
        "quarantined": [one.path.name.split("-", 2)[2] for one in runtime[Landing].quarantined(PRODUCT)],
        "reasons": len(list(quarantine.rglob("*.reason.json"))),
        "whole": runtime.records.verify().ok,
        "unfinished": runs,
    }


def _effects(runtime: Runtime) -> dict[str, int]:
    """How often each thing happened that may happen once: events of the ledger, registered versions."""
    found = [f"{event.kind} {event.sprint}" for event in runtime.records.events(product=PRODUCT)]
    registry = runtime.home.models / "mlflow.db"
    if registry.exists():
        with closing(sqlite3.connect(registry)) as connection:
            found += [f"version {row[0]}" for row in connection.execute("select version from model_versions")]
    return dict(Counter(found))


def _runtime() -> Runtime:
    return load_runtime(Path.cwd() / "platform" / "products" / PRODUCT, home())


if __name__ == "__main__":
    main()
