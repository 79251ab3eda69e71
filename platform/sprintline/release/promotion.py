"""Promotion: when a candidate trains, what it is compared with, and who serves after the gate was asked."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from sprintline.base.failpoints import failpoint
from sprintline.base.steps import StepFailed
from sprintline.lake.recorded import refuse_lost, told
from sprintline.lake.tables import Lake
from sprintline.learning.registry import CHAMPION, Models
from sprintline.mechanisms.ledger.changed_records import RESTS_ON
from sprintline.mechanisms.procedures.procedure import Step, carry_out
from sprintline.mechanisms.procedures.progress import progress_of
from sprintline.mechanisms.rules import gates
from sprintline.mechanisms.rules.rulebook import PROMOTION, needs_of_gate
from sprintline.mechanisms.rules.waivers import waivers
from sprintline.monitoring.facts import DriftFacts, ScoresFacts
from sprintline.monitoring.fitness import in_a_row, weak_before, weaknesses
from sprintline.monitoring.measure import measured_before
from sprintline.product.events import DECISION, TRIGGER
from sprintline.product.past import decision_of, decisions_of, pending_trigger
from sprintline.product.runtime import Runtime
from sprintline.release import comparison as judging
from sprintline.release import triggers
from sprintline.release.evidence import release_version
from sprintline.release.facts import CandidateFacts
from sprintline.release.leak_check import rebuilt_without_the_future
from sprintline.release.live import live, read_decision
from sprintline.release.procedures import PROMOTE
from sprintline.release.rules import BEATS_THE_CHAMPION
from sprintline.warehouse.recorded import changed_before

if TYPE_CHECKING:
    import pandas as pd

Trigger = Mapping[str, Any]
Taught = tuple["pd.DataFrame", list[str]]


# --- triggers --------------------------------------------------------------------------------------------------------


def trigger_of(runtime: Runtime, sprint: str, actor: str) -> tuple[Trigger | None, str]:
    """The recorded reason to train at the close of a sprint, or None and why there is none.

    A decided sprint has none: closing it again, restated or not, never trains and never moves the champion.
    """
    decided = decision_of(runtime, sprint)
    if decided:
        return None, decided["why"]
    recorded = pending_trigger(runtime, sprint)
    if recorded:
        return recorded, recorded["why"]
    found = _due(runtime, sprint)
    if isinstance(found, triggers.NoTrigger):
        return None, found.why
    runtime.records.append(TRIGGER, runtime.product, sprint, actor, found.as_dict(), key=sprint)
    failpoint("train.triggered")
    return found.as_dict(), found.why


def untaught(runtime: Runtime, taught: Taught) -> str | None:
    """Why the sprints before have nothing to teach, whatever the reason to train; None when they have."""
    from sprintline.learning.tasks import task_of
    from sprintline.learning.training import nothing_to_learn

    return nothing_to_learn(*taught, task_of(runtime))


def taught_before(runtime: Runtime, sprint: str) -> Taught:
    """The outcomes a candidate of this sprint learns from, and their sprints: those that have any.

    Raises StepFailed when rows of these sprints are not as they were recorded: something else would be learned, unseen.
    """
    refuse_lost(runtime, sprint, ["question_features"], runtime.spec.model.train_sprints)
    if changed := changed_before(runtime, sprint):
        raise StepFailed(
            f"{sprint} learns from rows that are not as recorded: {told(changed)}: materialize {sprint} again from its "
            f"models on (job {runtime.product}_closing), which builds them again from the lake"
        )
    table = runtime.table("question_features")
    kept = [
        key
        for key in runtime.calendar.previous(sprint, runtime.spec.model.train_sprints)
        if runtime[Lake].has(table, key)
    ]
    labels = judging.labels_of(runtime, kept)
    answered = set(labels.loc[labels["label"].notna(), "sprint"])
    return labels, [key for key in kept if key in answered]


def _due(runtime: Runtime, sprint: str) -> triggers.Trigger | triggers.NoTrigger:
    model = runtime.spec.model
    scores: dict[str, ScoresFacts] = {key: one.facts for key, one in runtime.history("scores").items()}
    updates = [
        triggers.Update(key, runtime.window(key).end, one["labelled"]) for key, one in sorted(scores.items())
    ]
    decisions = decisions_of(runtime)
    trained = [body["trained_through"] for body in decisions.values() if body["trained_through"]]
    return triggers.decide(
        sprint,
        closed=sorted(decisions),
        updates=updates,
        champion=_champion(runtime, sprint),
        trained_through=max(trained, default=None),
        drift=_drift_state(runtime, sprint, decisions),
        bootstrap_after=model.bootstrap_after,
        new_data_rows=model.new_data_rows,
        weak=_weak_champion(runtime, sprint, decisions),
    )


def _weak_champion(
    runtime: Runtime, sprint: str, decisions: Mapping[str, Mapping[str, Any]]
) -> triggers.WeakChampion:
    """The sprints in a row, up to this one, in which the champion was weak, and the training that answered them.

    Any training since the row was long enough is an answer: what it had to learn from was the same.
    """
    needed = in_a_row(runtime)
    measured = runtime.measured("scores", sprint)
    told = weaknesses(runtime, measured.facts) if measured else None
    if measured is None or not told:
        return triggers.WeakChampion(needed=needed)
    row = (*weak_before(runtime, sprint, measured.facts["champion"]), sprint)
    answered = [key for key in row[needed - 1 :] if decisions.get(key, {}).get("candidate")]
    return triggers.WeakChampion(row, needed, answered[-1] if answered else None, "; ".join(told))


def _drift_state(
    runtime: Runtime, sprint: str, decisions: Mapping[str, Mapping[str, Any]]
) -> triggers.DriftState:
    """The episode of confirmed drift that reaches to this sprint, and the sprint whose training answered it."""
    from sprintline.monitoring import drift

    measured = runtime.measured("drift", sprint)
    if measured is None:
        return triggers.DriftState("insufficient")
    found: DriftFacts = measured.facts
    before = measured_before(runtime, sprint)
    episode = drift.episode((sprint, found), before)
    if episode is None:
        return triggers.DriftState(found["state"], why=found["why"])
    since = runtime.window(episode[0]).index
    answered = [
        key
        for key, _ in before
        if runtime.window(key).index >= since and decisions.get(key, {}).get("trigger") == "drift"
    ]
    return triggers.DriftState("confirmed", episode[0], answered[-1] if answered else None, found["why"])


def left_to_the_sensor(trigger: Trigger, tags: Mapping[str, str]) -> bool:
    """Drift is answered by the retraining sensor's own run, so that it is seen as one and can be stopped alone.

    A run that no landing sensor asked for (a backfill, an analyst's) trains at once: it has no one to leave it to.
    """
    return trigger["kind"] == "drift" and tags.get("dagster/sensor_name", "").endswith("_landing")


# --- training --------------------------------------------------------------------------------------------------------


def train_candidate(
    runtime: Runtime, sprint: str, trigger: Trigger, taught: Taught
) -> tuple[CandidateFacts, str, dict[str, Any]]:
    """Train, keep and judge a candidate; its facts for the rules, its data version, and what the analyst is shown.

    taught: what it learns from, of `taught_before`.

    What does not wait for the trees is computed beside them, on one core.
    """
    from threadpoolctl import threadpool_limits

    from sprintline.learning.training import cores

    def on_one_core() -> None:
        # OpenMP counts by thread. With a second team of its own it would let neither wait for the other awake.
        threadpool_limits(limits=1, user_api="openmp")

    # What counts for the process is held around both threads, neither of which then lifts it for the other.
    with (
        threadpool_limits(limits=cores(runtime.recipe.recipe())),
        ThreadPoolExecutor(1, thread_name_prefix="beside-training", initializer=on_one_core) as beside,
    ):
        return _train_candidate(runtime, sprint, trigger, taught, beside)


def _train_candidate(
    runtime: Runtime, sprint: str, trigger: Trigger, taught: Taught, beside: ThreadPoolExecutor
) -> tuple[CandidateFacts, str, dict[str, Any]]:
    from sprintline.learning.recipes import failing_as_recipe
    from sprintline.learning.registry import code_hash, lock_hash
    from sprintline.learning.tasks import task_of
    from sprintline.learning.training import snapshot, train, training_set

    spec, recipe = runtime.spec.model, runtime.recipe.recipe()
    table = runtime.table("question_features")
    labels, known = taught
    frame = runtime[Lake].read(table, known)
    rebuilt = beside.submit(rebuilt_without_the_future, runtime, sprint)
    budget = spec.time_budget_seconds
    with failing_as_recipe(runtime.recipe):
        data = training_set(frame, labels, sprints=known, judged=sprint, recipe=recipe, task=task_of(runtime))
        trained = train(data, recipe=recipe, seed=spec.seed, budget_seconds=budget, beside=beside)
        backtest = judging.backtest(data, recipe, spec.seed)
    failpoint("train.trained")
    taken = snapshot(
        trained,
        product=runtime.product,
        code_hash=code_hash(runtime.recipe),
        lock_hash=lock_hash(),
        data_versions={
            # An empty version is one that ML406 names as missing.
            table: {key: runtime[Lake].data_version(table, key) or "" for key in known},
            f"marts.{spec.outcomes}": {
                key: runtime.measurement(spec.outcomes, key).data_version for key in known
            },
        },
    )
    record = runtime[Models].save(trained, taken, trained.validation["metrics"], {"trigger": dict(trigger)})
    release = runtime[Models].release(record.model_id, record.release_digest)
    judged = judging.evidence(runtime, sprint, trained, taken, release, budget)
    # Seconds are reported, not kept among the facts that a second training is compared by.
    facts: CandidateFacts = {
        **judged,
        **judging.served(runtime, trained, frame),
        "rebuilt": rebuilt.result(),
        "backtest": backtest,
        "rows": len(trained.keys),
        "release_digest": record.release_digest,
        "trigger": trigger["kind"],
        "trained_through": max(known),
        "importance": trained.importance,
        "seconds": round(trained.seconds, 1),
    }
    told = {
        "model": record.model_id,
        "trigger": trigger["why"],
        "MLflow": f"{runtime.product} version {record.version}",
        "trained on": f"{known[0]} to {known[-1]}, {len(trained.keys):,} rows",
        "stopped": f"{trained.stopped} after {trained.iterations} trees, {trained.seconds:.1f} s",
    }
    return facts, record.model_id, told


# --- the gate --------------------------------------------------------------------------------------------------------


def decide(runtime: Runtime, sprint: str, trigger: Trigger | None, why: str, actor: str) -> Mapping[str, Any]:
    """The decision of a closing sprint. Taken once; asked again it is only repeated, and the alias mirrored again.

    Where another champion is to serve, that is a procedure: killed anywhere, asking again completes it, or takes the
    intent back when the gate answers differently by now.
    """
    decision = decision_of(runtime, sprint)
    begun = progress_of(PROMOTE.name, sprint, runtime.records.events(product=runtime.product, sprint=sprint))
    body = decision or _answer(runtime, sprint, trigger, why)
    moves = read_decision(body).moves
    if begun.open or (moves and decision is None):
        _promote(runtime, sprint, actor, body, moves)
    elif moves:
        _mirror(runtime)
    return decision_of(runtime, sprint) or _decide(runtime, sprint, actor, body)


def _answer(runtime: Runtime, sprint: str, trigger: Trigger | None, why: str) -> dict[str, Any]:
    """What the decision says when it is taken now: the gate's answer where there is a trigger."""
    before = _champion(runtime, sprint)
    body: dict[str, Any] = {
        "sprint": sprint,
        "trigger": None,
        "decision": "none",
        "champion_before": before,
        "champion_after": before,
        "candidate": None,
        "trained_through": None,
        "why": why,
        "evidence": {},
    }
    return body | _ask_gate(runtime, sprint, trigger, before) if trigger else body


def _promote(runtime: Runtime, sprint: str, actor: str, body: Mapping[str, Any], moves: bool) -> None:
    def still_meant(intent: Mapping[str, Any]) -> str | None:
        # The decision itself, its state already; what it is based on was added when it was taken.
        if intent == {name: value for name, value in body.items() if name != RESTS_ON}:
            return None
        return f"the gate answers differently by now: {body['decision']}, {body['why']}"

    # The decision is what counts and is final; the alias can always be made to follow it.
    steps = (
        Step("decide", lambda meant: _decide(runtime, sprint, actor, meant)),
        Step("mirror", lambda _: _mirror(runtime)),
    )
    meant = body if moves else None
    carry_out(runtime, PROMOTE, sprint, sprint, actor, steps, meant, still_meant)


def _decide(runtime: Runtime, sprint: str, actor: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    said = {**body, RESTS_ON: runtime.records.rests_on(runtime.product, sprint)}
    decision = runtime.records.append(DECISION, runtime.product, sprint, actor, said, key=sprint).body
    failpoint("decision.taken")
    return decision


def _ask_gate(runtime: Runtime, sprint: str, trigger: Trigger, before: str | None) -> dict[str, Any]:
    candidate = runtime.measured("candidate", sprint)
    if candidate is None:
        raise StepFailed(
            f"{sprint} has a trigger ({trigger['why']}) and no candidate: materialize candidate and champion together"
        )
    verdicts = [v for v in runtime.records.verdicts(runtime.product, sprint) if v.asset == "candidate"]
    answer = gates.decide(
        PROMOTION,
        needs_of_gate(runtime, PROMOTION, sprint),
        verdicts,
        {"candidate": version} if (version := release_version(runtime, candidate)) else {},
        waivers(runtime),
        runtime.clock.now(),
        runtime.records.changed(runtime.product, sprint),
    )
    facts: CandidateFacts = candidate.facts
    model_id = facts["model_id"]
    gain = next((v.sentence for v in verdicts if v.code == BEATS_THE_CHAMPION.code), "it was not compared")
    told = gain if answer.open else "; ".join(answer.reasons)
    named = ("bootstrap" if before is None else "promote") if answer.open else "hold"
    return {
        "trigger": trigger["kind"],
        "decision": named,
        "candidate": model_id,
        "champion_after": model_id if answer.open else before,
        "trained_through": facts["trained_through"],
        "why": f"{told} (trained for {trigger['kind'].replace('_', ' ')}: {trigger['why']})",
        "release_digest": facts["release_digest"] if answer.open else None,
        "evidence": {
            "data_version": candidate.data_version,
            "verdicts": {v.code: v.outcome.value for v in verdicts},
        },
    }


def _mirror(runtime: Runtime) -> None:
    """Let MLflow's alias follow what is live now, not the decision being repeated."""
    if now := live(runtime):
        runtime[Models].set_alias(now.model_id, CHAMPION)


def _champion(runtime: Runtime, sprint: str) -> str | None:
    before = live(runtime, sprint)
    return before.model_id if before else None
