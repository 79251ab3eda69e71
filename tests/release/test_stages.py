"""Which stage may follow which, and that nothing else may."""

from __future__ import annotations

from itertools import product

import pytest

from sprintline.release.stages import LIVE, TRANSITIONS, Act, Stage, TransitionRefused, stage_after

WAY = [(Act.PROPOSE, Stage.CANDIDATE), (Act.PROMOTE, Stage.CHAMPION), (Act.REPLACE, Stage.RETIRED)]


def test_a_model_goes_from_candidate_to_champion_to_retired():
    stage = None
    for act, then in WAY:
        stage = stage_after("m1", stage, act)
        assert stage == then


@pytest.mark.fault
@pytest.mark.parametrize(
    ("stage", "act"), [pair for pair in product([None, *Stage], Act) if pair not in TRANSITIONS]
)
def test_every_other_step_is_refused(stage, act):
    with pytest.raises(TransitionRefused, match=f"cannot {act} model m1: its stage is {stage or 'unknown'}"):
        stage_after("m1", stage, act)


def test_the_table_is_no_wider_than_it_says():
    assert len(TRANSITIONS) == len(WAY) and {Stage.CHAMPION} == LIVE


def test_a_refusal_names_the_stage_that_is_required():
    with pytest.raises(TransitionRefused, match="its stage is retired, required: candidate"):
        stage_after("m1", Stage.RETIRED, Act.PROMOTE)
    with pytest.raises(TransitionRefused, match="required: new"):
        stage_after("m1", Stage.CHAMPION, Act.PROPOSE)
