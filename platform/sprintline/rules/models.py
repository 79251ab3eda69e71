"""Rules over predictions and models: questions are answered, what serves is what was trained, what rises is better.

Evidence, a plain mapping per kind of asset (missing pieces read `insufficient`):

predictions (ML401)
    issued: whether a champion stood before the sprint; questions, rows, distinct_questions: counts;
    without_probability: rows whose probability is null or outside [0, 1]; champion: model id that answered;
    champion_before: model id the previous sprint's decision left (None when there was none).
candidate (ML402 to ML408), all about one trained candidate
    trained: False when the sprint had no trigger: every rule then says so and passes, there being nothing to judge
    model_id
    damaged: what is wrong with the release's files now, a sentence each; absent or empty when they are as saved
    parity: {"model": {rows, edge_rows, difference, edge_difference}, "twin": {...}} of `Models.parity`
    judged: the sprint it is judged on; keys_by_sprint: {sprint: rows} of the stored snapshot; judged_rows_in_snapshot:
    questions of the judged sprint among the snapshot's keys; tuned_on: sprint that decided when to stop
    champion_keys_judged: like judged_rows_in_snapshot for the champion it is compared with, 0 when there is none
    stopped, iterations, seconds, budget_seconds
    champion: model id it is compared with, None at bootstrap
    against_champion: Interval.as_dict() (candidate minus champion on the judged sprint)
    baselines: {"naive": Interval.as_dict(), "base rate": ...} (candidate minus baseline on the judged sprint)
    snapshot: `Snapshot.as_dict()`; stored_keys_hash: frame_hash of the keys read back from the registry
    slices: {"carrier UA": {rows, metric, difference, low, high, ...}} of `by_slice`; slices_against: its opponent
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sprintline.core.verdicts import Judgement, Rule, Severity, failed, insufficient, need, passed
from sprintline.rules.kinds import of_candidate

SNAPSHOT_PARTS = {
    "keys_hash": "hash of the keys",
    "features_hash": "hash of the features",
    "data_versions": "data versions",
    "params": "parameters",
    "seed": "seed",
    "code_hash": "code hash",
    "lock_hash": "lock hash",
    "sprints": "sprints",
}


def describe(interval: Mapping[str, Any], against: str) -> str:
    """An interval as people read it: `ROC-AUC +0.0123 against the champion (95 % interval +0.0050 to +0.0190)`.

    interval: `Interval.as_dict()`.
    """
    name = {"roc_auc": "ROC-AUC", "average_precision": "average precision", "brier": "Brier gain"}[
        interval["metric"]
    ]
    return (
        f"{name} {interval['difference']:+.4f} against {against} ({100 * interval.get('confidence', 0.95):.3g} % "
        f"interval {interval['low']:+.4f} to {interval['high']:+.4f})"
    )


def _answers(evidence: Mapping[str, Any], _: Any) -> Judgement:
    questions, before = need(evidence, "questions"), evidence.get("champion_before")
    if before is None and not need(evidence, "issued"):
        return insufficient(
            f"no champion stood before this sprint, so none of its {questions:,} questions was answered",
            0,
            questions,
        )
    champion, rows = need(evidence, "champion"), need(evidence, "rows")
    distinct, empty = need(evidence, "distinct_questions"), need(evidence, "without_probability")
    if champion != before:
        return failed(
            f"model {champion} answered, but the champion that stood before was {before or 'none'}",
            champion,
            before,
        )
    if not questions == rows == distinct or empty:
        return failed(
            f"{questions:,} questions, {rows:,} predictions for {distinct:,} of them, {empty:,} without a "
            f"probability",
            rows,
            questions,
        )
    return passed(f"champion {champion} answered each of the {questions:,} questions once", rows, questions)


def _parity(evidence: Mapping[str, Any], line: Any) -> Judgement:
    parity = need(evidence, "parity")
    if damaged := evidence.get("damaged"):
        return failed(f"the release is not what was compared: {damaged[0]}", len(damaged), 0)
    if missing := sorted({"model", "twin"} - set(parity)):
        return insufficient(
            f"no comparison of the {' and the '.join(missing)} with ONNX was recorded", threshold=line
        )
    worst = {name: max(one["difference"], one["edge_difference"]) for name, one in parity.items()}
    compared = sum(one["rows"] + one["edge_rows"] for one in parity.values())
    if not all(one["rows"] and one["edge_rows"] for one in parity.values()):
        return insufficient("ONNX was compared on no row, or on no edge row", 0, line)
    name = max(worst, key=lambda one: worst[one])
    sentence = (
        f"ONNX and scikit-learn differ by at most {worst[name]:.1e} (the {name}) on {compared:,} rows with nulls and "
        f"unseen categories; allowed {line:.0e}"
    )
    # "not <=" so that NaN fails.
    return (passed if worst[name] <= line else failed)(sentence, worst[name], line)


def _apart(evidence: Mapping[str, Any], _: Any) -> Judgement:
    judged, keys = need(evidence, "judged"), need(evidence, "keys_by_sprint")
    overlap, tuned = need(evidence, "judged_rows_in_snapshot"), need(evidence, "tuned_on")
    champions = need(evidence, "champion_keys_judged")
    if not keys:
        return insufficient("the snapshot holds no key", 0, 0)
    late = sorted(sprint for sprint in keys if sprint >= judged)
    if late or overlap:
        return failed(
            f"judged on {judged}, but {max(overlap, sum(keys[one] for one in late)):,} of its training rows are of "
            f"{', '.join(late) or judged}",
            overlap,
            0,
        )
    if tuned >= judged:
        return failed(f"judged on {judged}, but {tuned} decided when its training stopped", tuned, judged)
    if champions:
        return failed(
            f"the champion it is compared with was trained on {champions:,} rows of {judged}", champions, 0
        )
    return passed(
        f"judged on {judged}; trained on {sum(keys.values()):,} rows of {min(keys)} to {max(keys)}, stopped by "
        f"{tuned}: none of {judged}",
        0,
        0,
    )


def _converged(evidence: Mapping[str, Any], _: Any) -> Judgement:
    stopped, trees = need(evidence, "stopped"), need(evidence, "iterations")
    seconds, budget = need(evidence, "seconds"), need(evidence, "budget_seconds")
    if stopped != "converged":
        return failed(
            f"training stopped by {stopped} after {trees:,} iterations and {seconds:.0f} s of {budget:.0f} s: it was "
            f"still improving",
            stopped,
            "converged",
        )
    return passed(
        f"training converged after {trees:,} iterations in {seconds:.0f} s of {budget:.0f} s",
        stopped,
        "converged",
    )


def _better(evidence: Mapping[str, Any], margin: Any) -> Judgement:
    if evidence.get("champion"):
        interval = need(evidence, "against_champion")
        if broken := _unusable(interval):
            return insufficient(f"the comparison with the champion says nothing: {broken}", threshold=margin)
        told = describe(interval, f"champion {evidence['champion']}")
        if interval["low"] > margin:
            return passed(f"{told}: better", interval["difference"], margin)
        word = "worse" if interval["high"] < -margin else "a tie, and ties hold"
        return failed(f"{told}: {word}", interval["difference"], margin)
    return _beats_baselines(
        evidence, margin, "no champion yet, the bootstrap policy asks to beat the baselines: "
    )


def _beats_baselines(evidence: Mapping[str, Any], margin: Any, lead: str) -> Judgement:
    baselines = need(evidence, "baselines")
    if missing := [name for name in ("naive", "base rate") if name not in baselines]:
        return insufficient(
            f"no comparison with the {' and the '.join(missing)} was recorded", threshold=margin
        )
    if broken := [f"{name}: {_unusable(one)}" for name, one in baselines.items() if _unusable(one)]:
        return insufficient(f"a comparison says nothing: {'; '.join(broken)}", threshold=margin)
    told = "; ".join(describe(one, f"the {name}") for name, one in baselines.items())
    least = min(one["low"] for one in baselines.values())
    return (passed if least > margin else failed)(f"{lead}{told}", least, margin)


def _reproducible(evidence: Mapping[str, Any], _: Any) -> Judgement:
    snapshot = need(evidence, "snapshot")
    missing = [
        words for name, words in SNAPSHOT_PARTS.items() if snapshot.get(name) in (None, "", {}, [], ())
    ]
    versions = snapshot.get("data_versions") or {}
    without = sorted(
        {
            f"{table} {sprint}"
            for table, found in versions.items()
            for sprint in (snapshot.get("sprints") or ())
            if not found.get(sprint)
        }
    )
    if without:
        missing.append(f"data versions of {', '.join(without[:3])}{' and more' if len(without) > 3 else ''}")
    if missing:
        return failed(f"unreproducible: {', '.join(missing)} missing", len(missing), 0)
    stored = need(evidence, "stored_keys_hash")
    if stored != snapshot["keys_hash"]:
        return failed(
            f"unreproducible: the stored keys hash to {stored[:12]}, the snapshot says "
            f"{snapshot['keys_hash'][:12]}",
            stored,
            snapshot["keys_hash"],
        )
    return passed(
        f"{snapshot['rows']:,} keys, {sum(map(len, versions.values()))} data versions, parameters, seed "
        f"{snapshot['seed']}, code {snapshot['code_hash'][:8]} and lock {snapshot['lock_hash'][:8]} are stored",
        0,
        0,
    )


def _overall(evidence: Mapping[str, Any], margin: Any) -> Judgement:
    return _beats_baselines(evidence, margin, "")


def _slices(evidence: Mapping[str, Any], margin: Any) -> Judgement:
    slices, against = need(evidence, "slices"), need(evidence, "slices_against")
    usable = {name: one for name, one in slices.items() if not _unusable(one)}
    if not usable:
        return insufficient("no slice holds enough rows of both outcomes to be compared", 0, margin)
    worst = min(usable, key=lambda name: usable[name]["difference"])
    one = usable[worst]
    hurt = sorted(
        name for name, found in usable.items() if found["high"] < 0 and found["difference"] < -margin
    )
    place = (
        f"of {len(usable)} slices {worst} fares worst" if len(usable) > 1 else f"there is one slice, {worst}"
    )
    told = f"{place}: {describe(one, against)} on {one['rows']:,} rows"
    if hurt:
        return failed(
            f"{told}; surely worse by more than {margin:g}: {', '.join(hurt)}", one["difference"], -margin
        )
    return passed(f"{told}; none is surely worse by more than {margin:g}", one["difference"], -margin)


def _unusable(interval: Mapping[str, Any]) -> str:
    """Why an interval cannot be judged, or an empty text."""
    if interval.get("why"):
        return str(interval["why"])
    values = [interval.get(name) for name in ("difference", "low", "high")]
    if any(value is None or value != value for value in values):
        return "its interval has no bounds"
    if interval.get("draws", 0) < 100:
        return f"only {interval.get('draws', 0)} bootstrap draws could be scored"
    return ""


RULES = (
    Rule(
        code="ML401",
        name="champion_answers_every_question_once",
        judges="predictions",
        practice="4.7",
        severity=Severity.WARN,
        why="Scores and drift are of the predictions that were issued. If some are missing, doubled or "
        "made by another model than the one that stood before, the champion's record is somebody "
        "else's.",
        remedy="materialize predictions for this sprint again; see that the sprint before it has a decision",
        judge=_answers,
    ),
    Rule(
        code="ML402",
        name="onnx_equals_scikit_learn",
        judges="candidate",
        practice="8.3",
        threshold=1e-5,
        why="What is judged is a scikit-learn pipeline, what serves is its export. Some steps export "
        "without any error to something that answers otherwise.",
        remedy="use steps that export exactly: ordinal or one-hot codes, no native categories",
        judge=of_candidate(_parity),
    ),
    Rule(
        code="ML403",
        name="judged_sprint_is_unseen",
        judges="candidate",
        practice="4.7",
        done=False,
        why="A model that saw the rows it is judged on, in training or while its training was stopped, "
        "looks good for a reason that ends on the day it serves.",
        remedy="leave the judged sprint out of training and tuning; train again",
        judge=of_candidate(_apart),
    ),
    Rule(
        code="ML404",
        name="training_converged",
        judges="candidate",
        practice="4.5",
        severity=Severity.WARN,
        done=False,
        why="A training cut off by its budget depends on how busy the machine was: it cannot be repeated, "
        "and it was still getting better.",
        remedy="raise model.time_budget_seconds or max_iter in the recipe, or make the recipe smaller",
        judge=of_candidate(_converged),
    ),
    Rule(
        code="ML405",
        name="beats_the_champion",
        judges="candidate",
        practice="4.7",
        severity=Severity.WARN,
        done=False,
        threshold=0.0,
        why="Every change of the champion costs trust and a chance of regression. A difference that "
        "chance explains is no reason for one, so ties hold.",
        remedy="nothing to mend: the champion stays until something is surely better",
        judge=of_candidate(_better),
    ),
    Rule(
        code="ML406",
        name="can_be_made_again",
        judges="candidate",
        practice="4.4",
        done=False,
        why="A decision that cannot be made again cannot be examined: data versions, keys, parameters, "
        "seed, code and lock must all be kept on the day of training.",
        remedy="train again with a lock file and a readable lake; what is missing is named in the sentence",
        judge=of_candidate(_reproducible),
    ),
    Rule(
        code="ML407",
        name="beats_the_baselines",
        judges="candidate",
        practice="4.7",
        severity=Severity.WARN,
        done=False,
        threshold=0.0,
        why="A model that a table of rates or the bare base rate matches costs more than it gives, and "
        "often means that its columns lost their meaning.",
        remedy="look for columns that lost their meaning; a model worse than a table of rates must not serve",
        judge=of_candidate(_overall),
    ),
    Rule(
        code="ML408",
        name="leaves_no_slice_worse",
        judges="candidate",
        practice="4.7",
        severity=Severity.WARN,
        done=False,
        threshold=0.01,
        why="An average can rise while one carrier or courier is served worse than before; the people "
        "there see only their slice.",
        remedy="see what is special about the slices named; add a feature for them or waive with a reason",
        judge=of_candidate(_slices),
    ),
)
