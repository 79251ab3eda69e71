"""Each rule of models passes on sound evidence, fails on its fault, and never passes without evidence."""

import copy

import numpy as np
import pytest

from sprintline.learning.metrics import paired_bootstrap
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.verdicts import Outcome, Severity

RULES = tuple(rule for code, rule in all_rules().items() if "ML401" <= code <= "ML408")
BY_CODE = {rule.code: rule for rule in RULES}


def _interval(difference=0.02, low=0.01, high=0.03, metric="roc_auc", draws=500):
    return {
        "metric": metric,
        "difference": difference,
        "low": low,
        "high": high,
        "draws": draws,
        "blocks": 14,
        "confidence": 0.95,
    }


#: What a sprint of one outcome leaves of a comparison.
NOTHING = {
    "metric": "roc_auc",
    "difference": None,
    "low": None,
    "high": None,
    "draws": 0,
    "blocks": 14,
    "why": "no late one",
}


def _compared(difference, rows=9):
    return {"rows": rows, "edge_rows": rows, "difference": difference, "edge_difference": difference}


PREDICTIONS = {
    "issued": True,
    "questions": 13_145,
    "rows": 13_145,
    "distinct_questions": 13_145,
    "without_probability": 0,
    "champion": "aa11",
    "live": "aa11",
}
CANDIDATE = {
    "model_id": "bb22",
    "parity": {
        name: {"rows": 3000, "edge_rows": 2000, "difference": 3e-7, "edge_difference": 4e-7}
        for name in ("model", "twin")
    },
    "judged": "2013-S09",
    "keys_by_sprint": {"2013-S07": 12_000, "2013-S08": 12_500},
    "judged_rows_in_snapshot": 0,
    "tuned_on": "2013-S08",
    "champion_keys_judged": 0,
    "stopped": "converged",
    "iterations": 120,
    "seconds": 6.2,
    "budget_seconds": 60,
    "champion": "aa11",
    "against_champion": _interval(),
    "baselines": {"naive": _interval(), "base rate": _interval(0.2, 0.18, 0.22)},
    "snapshot": {
        "rows": 24_500,
        "keys_hash": "k" * 32,
        "features_hash": "f" * 32,
        "params": {"trees": 9},
        "seed": 0,
        "data_versions": {"flights/question_features": {"2013-S07": "v1", "2013-S08": "v2"}},
        "code_hash": "c" * 32,
        "lock_hash": "l" * 32,
        "sprints": ["2013-S07", "2013-S08"],
    },
    "stored_keys_hash": "k" * 32,
    "slices": {
        "carrier UA": {"rows": 2000, **_interval(-0.004, -0.02, 0.01)},
        "origin JFK": {"rows": 4000, **_interval()},
    },
    "slices_against": "the champion",
}


def _judge(code, **changes):
    rule = BY_CODE[code]
    evidence = copy.deepcopy(PREDICTIONS if rule.judges == "predictions" else CANDIDATE)
    return rule({name: value for name, value in (evidence | changes).items() if value is not ...})


@pytest.mark.parametrize("code", BY_CODE)
def test_sound_evidence_passes_with_a_sentence_in_numbers(code):
    found = _judge(code)
    assert found.outcome is Outcome.PASS and any(letter.isdigit() for letter in found.sentence)


@pytest.mark.parametrize("code", BY_CODE)
def test_no_evidence_never_passes(code):
    assert BY_CODE[code]({}).outcome is Outcome.INSUFFICIENT
    assert BY_CODE[code](None).outcome is Outcome.INSUFFICIENT


NEEDS = {
    "ML401": ["questions", "rows", "distinct_questions", "without_probability", "champion"],
    "ML402": ["parity"],
    "ML403": ["judged", "keys_by_sprint", "judged_rows_in_snapshot", "tuned_on", "champion_keys_judged"],
    "ML404": ["stopped", "iterations", "seconds", "budget_seconds"],
    "ML405": ["against_champion"],
    "ML406": ["snapshot", "stored_keys_hash"],
    "ML407": ["baselines"],
    "ML408": ["slices", "slices_against"],
}


@pytest.mark.parametrize(
    ("code", "piece"), [(code, piece) for code, pieces in NEEDS.items() for piece in pieces]
)
def test_a_missing_piece_is_insufficient_and_named(code, piece):
    found = _judge(code, **{piece: ...})
    assert found.outcome is Outcome.INSUFFICIENT and piece.replace("_", " ") in found.sentence


FAULTS = [
    ("ML401", {"rows": 13_144}, "13,145 questions, 13,144 predictions"),
    ("ML401", {"distinct_questions": 13_000}, "for 13,000 of them"),
    ("ML401", {"without_probability": 3}, "3 without a usable value"),
    ("ML401", {"champion": "zz99"}, "the champion before was aa11"),
    ("ML401", {"live": None}, "champion before was none"),
    (
        "ML402",
        {
            "parity": {
                "model": {"rows": 9, "edge_rows": 9, "difference": 3e-3, "edge_difference": 0.0},
                "twin": CANDIDATE["parity"]["twin"],
            }
        },
        "3.0e-03 (the model)",
    ),
    (
        "ML402",
        {
            "parity": {
                "model": CANDIDATE["parity"]["model"],
                "twin": {"rows": 9, "edge_rows": 9, "difference": 0.0, "edge_difference": 0.9},
            }
        },
        "(the twin)",
    ),
    ("ML402", {"parity": {name: _compared(float("nan")) for name in ("model", "twin")}}, "nan"),
    (
        "ML403",
        {"keys_by_sprint": {"2013-S08": 12_000, "2013-S09": 40}},
        "40 of its training rows are of 2013-S09",
    ),
    ("ML403", {"keys_by_sprint": {"2013-S08": 12_000, "2013-S10": 40}}, "2013-S10"),
    ("ML403", {"judged_rows_in_snapshot": 7}, "7 of its training rows are of 2013-S09"),
    ("ML403", {"tuned_on": "2013-S09"}, "2013-S09 decided when its training stopped"),
    ("ML403", {"champion_keys_judged": 12}, "champion it is compared with was trained on 12 rows"),
    ("ML404", {"stopped": "budget"}, "stopped by budget after 120 iterations and 6 s of 60 s"),
    ("ML405", {"against_champion": _interval(0.004, -0.001, 0.009)}, "a tie, and ties hold"),
    ("ML405", {"against_champion": _interval(-0.02, -0.03, -0.01)}, "worse"),
    (
        "ML405",
        {"champion": None, "baselines": {"naive": _interval(0.001, -0.01, 0.02), "base rate": _interval()}},
        "no champion yet",
    ),
    ("ML406", {"snapshot": CANDIDATE["snapshot"] | {"lock_hash": ""}}, "unreproducible: lock hash missing"),
    ("ML406", {"snapshot": CANDIDATE["snapshot"] | {"seed": None}}, "seed"),
    (
        "ML406",
        {
            "snapshot": CANDIDATE["snapshot"]
            | {"data_versions": {"flights/question_features": {"2013-S07": "v1"}}}
        },
        "data versions of flights/question_features 2013-S08",
    ),
    ("ML406", {"stored_keys_hash": "x" * 32}, "the stored keys hash to xxxxxxxxxxxx"),
    (
        "ML407",
        {"baselines": {"naive": _interval(-0.02, -0.03, -0.01), "base rate": _interval()}},
        "-0.0200 against the naive",
    ),
    (
        "ML408",
        {"slices": {"carrier UA": {"rows": 900, **_interval(-0.04, -0.06, -0.02)}}},
        "significantly worse by more than 0.01: carrier UA",
    ),
]


@pytest.mark.fault
@pytest.mark.parametrize(("code", "changes", "words"), FAULTS)
def test_a_fault_fails_and_is_named(code, changes, words):
    found = _judge(code, **changes)
    assert found.outcome is Outcome.FAIL and words in found.sentence, found.sentence


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("ML402", {"parity": {"model": CANDIDATE["parity"]["model"]}}),
        ("ML402", {"parity": {name: _compared(0.0, rows=0) for name in ("model", "twin")}}),
        ("ML403", {"keys_by_sprint": {}}),
        ("ML405", {"against_champion": _interval(draws=20)}),
        ("ML405", {"against_champion": _interval(low=float("nan"))}),
        ("ML405", {"champion": None, "baselines": {"naive": _interval()}}),
        ("ML407", {"baselines": {}}),
        ("ML408", {"slices": {}}),
    ],
)
def test_evidence_too_thin_is_insufficient(code, changes):
    assert _judge(code, **changes).outcome is Outcome.INSUFFICIENT


def test_before_the_first_champion_nothing_is_answered_and_that_is_no_pass():
    found = _judge("ML401", issued=False, champion=None, live=None, rows=0)
    assert found.outcome is Outcome.INSUFFICIENT
    assert "there was no champion before" in found.sentence and "13,145" in found.sentence
    assert BY_CODE["ML401"].severity is Severity.WARN, "a team's first sprints go on without a model"
    assert _judge("ML401", live=None, issued=...).outcome is Outcome.INSUFFICIENT


def test_harmless_changes_still_pass():
    assert _judge("ML405", champion=None, against_champion=None).sentence.startswith(
        "no champion yet, the bootstrap policy"
    )
    assert _judge("ML405", champion=None, against_champion=None).outcome is Outcome.PASS
    small = {"carrier UA": {"rows": 900, **_interval(-0.005, -0.009, -0.001)}}  # sure, and of no consequence
    assert _judge("ML408", slices=small).outcome is Outcome.PASS


@pytest.mark.parametrize("code", [code for code, rule in BY_CODE.items() if rule.judges == "candidate"])
def test_a_sprint_without_a_trigger_has_nothing_to_judge(code):
    found = BY_CODE[code]({"trained": False, "why": "not enough new data: 26,000 rows"})
    assert found.outcome is Outcome.PASS and "26,000 rows" in found.sentence


def test_a_product_may_move_a_line():
    assert BY_CODE["ML405"](CANDIDATE, 0.015).outcome is Outcome.FAIL
    assert BY_CODE["ML402"](CANDIDATE, 1e-8).outcome is Outcome.FAIL


def test_a_candidate_equal_to_the_champion_is_a_tie_and_ties_hold():
    """The same answers to every question, compared as the promotion gate compares them."""
    random = np.random.default_rng(7)
    label, chance = random.integers(0, 2, 600), random.random(600)
    interval = paired_bootstrap(label, chance, chance.copy(), "roc_auc", seed=7).as_dict()
    found = BY_CODE["ML405"]({"champion": "m1", "against_champion": interval})
    assert found.outcome is Outcome.FAIL and "a tie, and ties hold" in found.sentence
    assert found.observed == 0


@pytest.mark.fault
@pytest.mark.parametrize("code", ["ML405", "ML407", "ML408"])
def test_a_sprint_in_which_nothing_can_be_compared_is_no_evidence_and_says_why(code):
    evidence = CANDIDATE | {
        "against_champion": NOTHING, "baselines": {"naive": NOTHING, "base rate": NOTHING}, "slices": {}
    }  # fmt: skip
    told = BY_CODE[code].judge(evidence, BY_CODE[code].threshold)
    assert told.outcome is Outcome.INSUFFICIENT
    assert "no late one" in told.sentence or code == "ML408"
