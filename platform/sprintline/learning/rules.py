"""Rules over how a candidate came to be: it holds over time, its card is true, it learned only what is served.

Their evidence is `CandidateEvidence` (`release/facts.py`); missing pieces read `insufficient`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sprintline.learning.candidate import of_candidate
from sprintline.learning.enough import learn_from_more
from sprintline.learning.facts import CardFaults
from sprintline.learning.metric_names import METRICS
from sprintline.learning.skills import quality_of, skill_error_of, skill_of
from sprintline.mechanisms.rules.verdicts import Judgement, Rule, Severity, failed, insufficient, need, passed

#: One-sided, 5 % for three origins together (Bonferroni).
SURELY = 2.13


def _stable(evidence: Mapping[str, Any], least: Any) -> Judgement:
    origins = need(evidence, "backtest")["origins"]
    thin = [one for one in origins if skill_of(one) is None]
    if thin or not origins:
        told = f"{len(thin)} of {len(origins)} earlier origins hold too few outcomes to be judged"
        return insufficient(f"{told}{_what_is_missing(evidence, thin)}", len(thin), 0)
    skills = [skill_of(one) or 0.0 for one in origins]
    mean, lowest = sum(skills) / len(skills), min(skills)
    worst = origins[skills.index(lowest)]
    lead = f"trained at {len(origins)} earlier origins it {_did(origins)}"
    if mean <= 0:
        return failed(f"{lead}: no skill", mean, least)
    share = lowest / mean
    sentence = f"{lead}; the worst, from {worst['at'][:10]} on, keeps {share:.0%} of the mean skill"
    # What a part of so many rows could show by chance is no instability.
    best = lowest + SURELY * (skill_error_of(worst) or 0.0)
    if best < least * mean:
        return failed(f"{sentence}, significantly below {least:.0%}", round(share, 4), least)
    return passed(f"{sentence}, not significantly below {least:.0%}", round(share, 4), least)


def _what_is_missing(evidence: Mapping[str, Any], thin: Sequence[Mapping[str, Any]]) -> str:
    """How many outcomes the thinnest part lacks, and what to declare; empty for older records."""
    known = [one for one in thin if "rows_needed" in one]
    if not known:
        return ""
    if any(one["rows_needed"] is None for one in known):
        return ": all its answers are equal"
    worst = max(known, key=lambda one: one["rows_needed"] / max(1, one["rows"]))
    factor = worst["rows_needed"] / max(1, worst["rows"])
    if factor <= 1:  # what was learned before the part was too little, or came in an order that is not usual
        factor = 1 + 1 / len(thin)
    mixed = f", {worst['positives']:,} of them positive" if "positives" in worst else ""
    ways = learn_from_more(len(need(evidence, "snapshot")["sprints"]), evidence.get("train_sprints"), factor)
    return (
        f": the part from {worst['at'][:10]} on has {worst['rows']:,} rows{mixed}, and mixed like these "
        f"{worst['rows_needed']:,} are needed; {ways}"
    )


def _did(origins: Sequence[Mapping[str, Any]]) -> str:
    if "roc_auc" in origins[0]:
        areas = ", ".join(f"{one['roc_auc']:.3f}" for one in origins)
        return f"ranks with ROC-AUC {areas}"
    shares = ", ".join(f"{skill_of(one):.0%}" for one in origins)
    return f"is off by {shares} less than the naive baseline"


def _true_card(evidence: Mapping[str, Any], _: Any) -> Judgement:
    card: CardFaults = need(evidence, "card")
    if not card["figures"]:
        return insufficient("the card has no figure", 0, 1)
    wrong = [
        *(f"section {name} is empty" for name in card["empty"]),
        *card["stale"],
        *(f"claim without a metric: {says}" for says in card["unmeasured"]),
    ]
    if wrong:
        more = f" and {len(wrong) - 2} more" if len(wrong) > 2 else ""
        return failed(f"{'; '.join(wrong[:2])}{more}", len(wrong), 0)
    return passed(f"each of the card's {card['figures']} figures is what its record says", 0, 0)


def _served(evidence: Mapping[str, Any], _: Any) -> Judgement:
    inputs, served, outcomes = need(evidence, "inputs"), need(evidence, "served"), need(evidence, "outcomes")
    if not need(evidence, "own_inputs"):
        return failed(
            "the recipe makes its inputs with its own code, so their origin is unknown",
            False,
            True,
        )
    if not served:
        return insufficient("no column is known to be served", 0, len(inputs))
    known = sorted(set(inputs) & set(outcomes))
    if known:
        return failed(f"the model learns from {', '.join(known)}, which contain the outcome", len(known), 0)
    strange = sorted(set(inputs) - set(served))
    if strange:
        return failed(
            f"the model learns from {', '.join(strange)}, which no question is answered with", len(strange), 0
        )
    return passed(f"all {len(inputs)} inputs are columns a question is answered with", 0, 0)


#: Share of the quality above chance that is nearly all of it.
NEARLY_ALL = 0.9


def _plausible(evidence: Mapping[str, Any], most: Any) -> Judgement:
    quality, area = quality_of(need(evidence, "by_model")["candidate"])
    importance, title = need(evidence, "importance"), METRICS[quality.name].title
    judged, by = need(evidence, "judged"), evidence.get("plausible_by")
    if area is None or not importance:
        return insufficient(
            f"the candidate has no {title}, or no importance of its columns was recorded", None, most
        )
    column = max(importance, key=lambda name: importance[name])
    share = quality.carried(importance[column], area)
    doubts = []
    if area > most:
        doubts.append(f"more than the {most:g} that is plausible here")
    if area >= quality.suspicious and share >= NEARLY_ALL:
        doubts.append(f"{column} alone carries {min(share, 1):.0%} of the skill")
    sentence = f"on {judged} it {'ranks with' if quality.name == 'roc_auc' else 'has'} {title} {area:.3f}"
    if not doubts:
        return passed(
            f"{sentence}; no column carries nearly all of it, and up to {most:g} is plausible", area, most
        )
    told = f"{sentence}: {' and '.join(doubts)}"
    if by:
        return passed(f"{told}; {by} stated that this is no leak", area, most)
    return failed(f"{told}; it waits for the statement of a person that this is no leak", area, most)


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


NOT_TOO_GOOD = Rule(
    code="ML412",
    name="is_not_too_good_to_be_true",
    judges="candidate",
    gates=("promotion",),
    tracked=False,
    practice="4.6",
    threshold=0.95,
    why="An unexpectedly high score is more often a leak than a discovery: a column that is filled in with the "
    "answer passes every comparison on past data, and is empty when the model is asked.",
    remedy="see which column carries the score and when it is filled in. If it is no leak: sprintline attest PRODUCT "
    "ML412 --sprint SPRINT with the claim and the evidence; candidates with the same inputs then pass. Declare a "
    "higher threshold for the rule in defs.yaml where such scores are usual",
    judge=of_candidate(_plausible),
)

RULES = (
    Rule(
        code="ML402",
        name="onnx_equals_scikit_learn",
        judges="candidate",
        gates=("done", "promotion"),
        practice="5.6",
        threshold=1e-5,
        why="What is judged is a scikit-learn pipeline, what serves is its export. Some steps export "
        "without any error to something that answers otherwise.",
        remedy="use steps that export exactly: ordinal or one-hot codes, no native categories",
        judge=of_candidate(_parity),
    ),
    Rule(
        code="ML404",
        name="training_converged",
        judges="candidate",
        gates=("promotion",),
        tracked=False,
        practice="4.5",
        severity=Severity.WARN,
        why="A training cut off by its budget depends on how busy the machine was: it cannot be repeated, "
        "and it was still getting better.",
        remedy="raise model.time_budget_seconds or max_iter in the recipe, or make the recipe smaller",
        judge=of_candidate(_converged),
    ),
    Rule(
        code="ML406",
        name="is_reproducible",
        judges="candidate",
        gates=("promotion",),
        tracked=False,
        practice="4.4",
        why="A decision that cannot be reproduced cannot be audited: data versions, keys, "
        "parameters, seed, code and lock must all be recorded at training.",
        remedy="train again with a lock file and a readable lake; what is missing is named in the sentence",
        judge=of_candidate(_reproducible),
    ),
    Rule(
        code="ML409",
        name="is_stable_over_time",
        judges="candidate",
        gates=("promotion",),
        tracked=False,
        practice="4.6",
        severity=Severity.WARN,
        threshold=0.5,
        why="A model that was good only because of when it was judged will be worse soon after. Trained "
        "and judged from earlier moments, with the delay its labels had then, it shows whether its "
        "skill lasts.",
        remedy="see what was different before the origin named; look for columns that mean something else by season",
        judge=of_candidate(_stable),
    ),
    Rule(
        code="ML410",
        name="has_a_true_card",
        judges="candidate",
        gates=("promotion",),
        tracked=False,
        practice="4.3",
        why="People read a card before they trust a model. A card that was edited, or whose records changed, "
        "states figures that were not measured.",
        remedy="train again: a card is generated from the records of its training and is not edited",
        judge=of_candidate(_true_card),
    ),
    Rule(
        code="ML411",
        name="learns_only_what_is_served",
        judges="candidate",
        gates=("promotion",),
        tracked=False,
        practice="4.6",
        why="What is not served with a question is not there when the model is asked. A column known only "
        "afterwards makes every figure of the candidate too good.",
        remedy="let the recipe name columns of the questions mart and the feature service, in a plain Inputs(...)",
        judge=of_candidate(_served),
    ),
    NOT_TOO_GOOD,
)
