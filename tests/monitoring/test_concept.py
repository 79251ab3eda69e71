"""Concept drift: errors grow beyond what the probabilities lead to expect; a season, a spell or a recovery is none."""

import numpy as np
import pytest

from sprintline.learning.tasks.binary import TASK
from sprintline.monitoring import concept

ROWS = 4000


def _answers(seed: int, flip: float = 0.0, begin: float = 0.0, end: float = 1.0, base: float = 0.0):
    """Calibrated answers, `flip` of them turned around between two moments of the window; base shifts the log-odds."""
    draw = np.random.default_rng(seed)
    chance = 1 / (1 + np.exp(-(draw.normal(-1.2 + base, 1, ROWS))))
    label = (draw.random(ROWS) < chance).astype(float)
    place = np.arange(ROWS) / ROWS
    turned = (draw.random(ROWS) < flip) & (place >= begin) & (place < end)
    return np.where(turned, 1 - label, label), chance


def test_excess_is_zero_on_average_where_the_chances_are_right():
    label, chance = _answers(1)
    assert TASK.excess(label, chance, None)[0].mean() == pytest.approx(0, abs=0.015)
    bounds = TASK.excess(np.array([1.0, 1.0, 0.0]), np.array([0.75, 0.0, 1.0]), None)[0]
    assert bounds.tolist() == [*TASK.bounds, TASK.bounds[1]]


def test_calibrated_answers_are_no_drift_whatever_their_share():
    for base in (-1.0, 0.0, 1.5):
        found = concept.replay([_answers(seed, base=base * (seed - 1)) for seed in (1, 2, 3)], TASK)
        assert found.drifting is False, found


def test_thirty_percent_turned_answers_are_drift_and_stay_it():
    first = concept.replay([_answers(1), _answers(2), _answers(3, flip=0.3)], TASK)
    assert first.drifting is True and first.cuts >= 1 and first.labelled == ROWS
    assert "4,000 labelled answers are +" in first.why
    # All that is replayed is turned: there is no change any more, and it is still drift.
    assert concept.replay([_answers(seed, flip=0.3) for seed in (3, 4, 5)], TASK).drifting is True


def test_what_is_over_and_a_spell_are_no_drift():
    over = concept.replay([_answers(1), _answers(2, flip=0.4), _answers(3)], TASK)
    assert over.drifting is False and over.cuts >= 2
    ended = concept.replay([_answers(1), _answers(2), _answers(3, flip=0.4, end=0.6)], TASK)
    assert ended.effect > concept.EFFECT and ended.drifting is False
    spell = concept.replay([_answers(1), _answers(2), _answers(3, flip=0.5, begin=0.9)], TASK)
    assert spell.kept > concept.EFFECT and spell.drifting is False


def test_without_labels_there_is_no_answer():
    none = concept.replay([_answers(1), (np.empty(0), np.empty(0))], TASK)
    assert none.drifting is None and "no labelled answer" in none.why
    assert concept.replay([], TASK).drifting is None
