"""Failpoints: named places where a crash could leave something half done, and where a test makes one happen.

`SPRINTLINE_FAILPOINT=lake.after_commit` kills the process at that place with SIGKILL, as a power cut or the kernel's
memory killer would: nothing is flushed, no `finally` runs. `lake.after_commit:2` waits for the second passing. Unset,
a failpoint costs a look into the environment.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "SPRINTLINE_FAILPOINT"

FAILPOINTS = {
    "landing.read": "a landed file is read and holds its contract; nothing of it is written yet",
    "quarantine.before_move": "a refusal and its reason are on record; the file still lies in landing/",
    "quarantine.after_move": "a refused file lies in quarantine/; the step has not ended",
    "lake.before_commit": "a partition's rows are ready; the table still holds the old ones",
    "lake.after_commit": "a partition is committed; neither its hash nor a measurement is noted",
    "dbt.before_build": "dbt is about to build a sprint",
    "dbt.between_models": "dbt has ended one model or test of a sprint and not the next",
    "dbt.within_model": "a model's old rows of a sprint are deleted; its new ones are not written",
    "dbt.after_build": "dbt has built a sprint; no measurement and no verdict is recorded",
    "features.applied": "Feast's registry holds the declared views; the marker that vouches for it is missing",
    "features.view_written": "a view's partition is in the lake; its measurement is missing",
    "features.online_view": "a view's latest values are read and not yet published online",
    "features.online_published": "all views are published online; the measurement is missing",
    "train.triggered": "the reason to train is in the ledger; nothing is trained",
    "train.trained": "a candidate is trained; nothing of it is kept",
    "train.release_filled": "a release folder is filled beside its place",
    "train.release_renamed": "a release folder stands in its place; MLflow knows nothing of it",
    "train.registry_made": "MLflow's database is made beside its place, in which there is none",
    "train.run_logged": "MLflow has run and artefacts; no version is registered",
    "train.registered": "MLflow has the version; the candidate is not measured",
    "train.measured": "the candidate is measured; it has neither card nor verdicts",
    "promote.intended": "the ledger holds the intent to promote; nothing is decided",
    "promote.decide": "the decision is in the ledger; the step is not told to be done",
    "promote.mirror": "MLflow's alias follows the decision; the step is not told to be done",
    "promote.ended": "all of a promotion is done; its outcome is missing",
    "decision.taken": "a sprint's decision is in the ledger; the asset is not materialized",
    "closing.measured": "an increment is measured; its sprint is not closed",
    "closing.sighted": "the backlog has heard of an increment; its closing is not in the ledger",
    "closing.closed": "a sprint's closing is in the ledger; its increment is not materialized",
    "records.before_commit": "verdicts, a measurement or an event are written and not committed",
    "records.before_anchor": "an event is committed; the anchor beside the ledger is one behind",
    "launch.before_fork": "a run is STARTING; its worker is not forked (in the daemon)",
    "launch.forked": "a run's worker is forked; the run does not name it yet (in the daemon)",
}
"""Every failpoint and what stands when the process is killed there."""

_passed: dict[str, int] = {}


class FailpointError(ValueError):
    """`SPRINTLINE_FAILPOINT` names nothing that can be passed."""


def armed() -> tuple[str, int] | None:
    """The failpoint at which this process is to be killed and at which passing; None when there is none.

    Raises:
        FailpointError: the variable names no failpoint, or its number is none.
    """
    said = os.environ.get(VARIABLE)
    if not said:
        return None
    name, colon, number = said.partition(":")
    if name not in FAILPOINTS:
        raise FailpointError(
            f"{VARIABLE}={said}: there is no failpoint {name!r}; see `sprintline failpoints`"
        )
    if colon and (not number.isdigit() or number == "0"):
        raise FailpointError(f"{VARIABLE}={said}: write {name}:2 for the second passing")
    return name, int(number or 1)


def failpoint(name: str) -> None:
    """Pass a failpoint: the process is killed here if the environment says so, and otherwise goes on.

    Raises:
        FailpointError: see `armed`; told at the first failpoint that is passed, whichever it is.
    """
    if VARIABLE not in os.environ or (chosen := armed()) is None or chosen[0] != name:
        return
    _passed[name] = _passed.get(name, 0) + 1
    if _passed[name] == chosen[1]:
        os.kill(os.getpid(), signal.SIGKILL)
