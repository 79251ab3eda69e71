"""Stages of a release, and which stage may follow which. Pure; a new stage or a new way is a line here."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """Where a model is on its way.

    candidate: trained and judged, answers no one. champion: live, its answers count. retired: was live once.
    """

    CANDIDATE = "candidate"
    CHAMPION = "champion"
    RETIRED = "retired"


class Act(StrEnum):
    """What is done to a model. propose: it was trained for a decision. replace: another one answers from now on."""

    PROPOSE = "propose"
    PROMOTE = "promote"
    REPLACE = "replace"


LIVE = frozenset({Stage.CHAMPION})
"""Stages whose answers count. One model of a product at most is in one of them."""

TRANSITIONS: dict[tuple[Stage | None, Act], Stage] = {
    (None, Act.PROPOSE): Stage.CANDIDATE,
    (Stage.CANDIDATE, Act.PROMOTE): Stage.CHAMPION,
    (Stage.CHAMPION, Act.REPLACE): Stage.RETIRED,
}
"""Every allowed step: the stage after an act, by the stage before it (None: the ledger does not know the model)."""


class TransitionRefused(ValueError):
    """An act that the stage of a model does not allow."""


def stage_after(model_id: str, stage: Stage | None, act: Act) -> Stage:
    """The stage of a model after an act. Raises TransitionRefused for a step that is not in `TRANSITIONS`."""
    try:
        return TRANSITIONS[stage, act]
    except KeyError:
        allowed = " or ".join(str(before or "new") for before, other in TRANSITIONS if other == act)
        raise TransitionRefused(
            f"cannot {act} model {model_id}: its stage is {stage or 'unknown'}, required: {allowed or 'none'}"
        ) from None
