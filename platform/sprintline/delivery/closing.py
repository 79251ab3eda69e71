"""Closing a sprint: the Definition of Done is asked, and the ledger told on what it closed and what changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sprintline.base.failpoints import failpoint
from sprintline.base.hashing import canonical_json, text_hash
from sprintline.delivery.events import RESTATED
from sprintline.delivery.evidence import plan
from sprintline.delivery.inputs import moved_since
from sprintline.delivery.restatement import changes, state_of, trained_on
from sprintline.delivery.rules import RESTS_ON_CURRENT_DATA
from sprintline.delivery.status import is_done
from sprintline.landing.arrivals import arrivals_of, published_versions, read_from
from sprintline.mechanisms.backlog.update import update_from_verdicts
from sprintline.mechanisms.ledger.changed_records import RESTS_ON
from sprintline.mechanisms.rules.gates import GateDecision
from sprintline.mechanisms.rules.rulebook import definition_of_done
from sprintline.mechanisms.rules.run_rules import current_versions, judge_asset
from sprintline.mechanisms.rules.verdicts import Verdict
from sprintline.mechanisms.rules.waivers import waivers
from sprintline.product.events import CLOSED
from sprintline.product.held import refuse_contradictions
from sprintline.product.past import decision_of, decisions_of
from sprintline.product.runtime import Runtime
from sprintline.product.spec import INCREMENT
from sprintline.release.live import live


@dataclass(frozen=True)
class Closing:
    """What closing a sprint found.

    version: hash of all data versions of the sprint. restated: body of the restatement, None when the data are those
    of the closing before, or it is the first. stale: verdicts on later sprints that were computed from what was
    restated.
    """

    version: str
    gate: GateDecision
    verdicts: list[Verdict]
    restated: Mapping[str, Any] | None
    stale: list[Verdict]


def close(runtime: Runtime, sprint: str, actor: str) -> Closing:
    """Judge a sprint as a whole and record the closing. Closed again on the same data, nothing is added.

    Raises StepFailed while a changed declaration does not fit what closed before: its record would be replaced.
    """
    refuse_contradictions(runtime)
    records, product, now = runtime.records, runtime.product, runtime.clock.now()
    measured = {asset: one for (_, asset), one in records.measurements(product, sprint).items()}
    # What the stores hold now, not what was recorded: a verdict on data that is gone confirms nothing.
    versions = {asset: one for asset, one in current_versions(runtime, sprint).items() if asset != INCREMENT}
    version = text_hash(canonical_json(versions))
    runtime.measure(INCREMENT, sprint, version, plan(runtime, sprint))
    failpoint("closing.measured")
    closings = records.events(product=product, kind=CLOSED, sprint=sprint)
    before: Mapping[str, Any] = closings[-1].body if closings else {}
    landed = arrivals_of(runtime)[0].get(sprint)
    state = {
        **state_of(measured, records.verdicts(product, sprint), INCREMENT),
        # Of published tables, what was read: the publisher may have closed again since.
        "files": {
            **before.get("files", {}),
            **(landed.files if landed else {}),
            **read_from(runtime, sprint),
        },
    }
    stale: list[Verdict] = []
    restated: Mapping[str, Any] | None = None
    if before and before["version"] != version:
        stale = _judge_what_rests_on(runtime, sprint)
        changed = changes(before, state)
        body = {
            "was": before["version"],
            "is": version,
            **changed,
            "published": published_versions(runtime, changed["files"]),
            **_consequences(runtime, sprint),
        }
        key = f"{len(closings)}:{version}"
        restated = records.append(RESTATED, product, sprint, actor, body, key=key).body
    judge_asset(
        runtime, INCREMENT, INCREMENT, sprint
    )  # after the restatement, of which one of its rules speaks
    verdicts = records.verdicts(product, sprint)
    gate = is_done(
        definition_of_done(runtime, sprint),
        verdicts,
        {**versions, INCREMENT: version},
        waivers(runtime),
        now,
        records.changed(product, sprint),
    )
    said = {
        **state,
        "done": gate.open,
        "missing": list(gate.reasons),
        "needs": [str(need) for need in gate.missing],
        "version": version,
    }
    # The backlog hears of it first: once the closing stands, no one asks for this sprint again.
    update_from_verdicts(runtime, sprint, actor, reached_end=True)
    failpoint("closing.sighted")
    # Older closings carry their moment in the body.
    if {name: value for name, value in before.items() if name not in ("judged_at", RESTS_ON)} != said:
        key = f"{len(closings)}:{text_hash(canonical_json(said))}"
        said = {**said, RESTS_ON: records.rests_on(product, sprint)}
        records.append(CLOSED, product, sprint, actor, said, key=key, as_of=now)
        failpoint("closing.closed")
    return Closing(version, gate, verdicts, restated, stale)


def _judge_what_rests_on(runtime: Runtime, sprint: str) -> list[Verdict]:
    """Judge the closed sprints that may have read this one; those that did are no longer up to date."""
    return [
        verdict
        for key in _may_rest_on(runtime, sprint)
        for verdict in judge_asset(runtime, INCREMENT, INCREMENT, key)
        if verdict.code == RESTS_ON_CURRENT_DATA.code and not verdict.passes
    ]


def _may_rest_on(runtime: Runtime, sprint: str) -> list[str]:
    keys, closed = runtime.calendar.keys, runtime.history(INCREMENT)
    place, reach = keys.index(sprint), max(runtime.spec.features.lookback_sprints, 1)
    return [key for key in keys[place + 1 : place + 1 + reach] if key in closed]


def _consequences(runtime: Runtime, sprint: str) -> dict[str, Any]:
    """What a restatement leaves as it is, and what was made from the data as they were before."""
    decisions = decisions_of(runtime)
    own, now = decision_of(runtime, sprint), live(runtime)
    train = runtime.spec.model.train_sprints
    return {
        "decision": own["decision"] if own else None,
        "champion": now.model_id if now else None,
        "rest_on_it": [
            key
            for key in _may_rest_on(runtime, sprint)
            if any(one["sprint"] == sprint for one in moved_since(runtime, key)[1] or ())
        ],
        "trained_on_it": trained_on(
            sprint, decisions, {key: runtime.calendar.previous(key, train) for key in decisions}
        ),
    }
