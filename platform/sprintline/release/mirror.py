"""MLflow's alias of the champion, which mirrors the ledger: compared with it, and set right where it differs."""

from __future__ import annotations

from sprintline.learning.registry import CHAMPION, ModelError, Models
from sprintline.product.repairs import repaired
from sprintline.product.runtime import Runtime
from sprintline.release.live import live


def set_alias_right(runtime: Runtime, sprint: str, actor: str) -> str | None:
    """Let MLflow's alias follow the ledger where somebody moved or removed it, and record that.

    Returns what was wrong, in a sentence; None when nothing was. A model that MLflow does not know any more cannot be
    pointed to: then nothing changes, and the sentence says so.
    """
    if (wrong := alias_trouble(runtime)) is None:
        return None
    now = live(runtime)
    try:
        if now is None:
            runtime[Models].forget_champion()
        else:
            runtime[Models].set_alias(now.model_id, CHAMPION)
    except ModelError as error:
        return f"{wrong}: it cannot be set right: {error}"
    repaired(runtime, sprint, actor, "MLflow", [wrong], "the alias follows the ledger again")
    return wrong


def alias_trouble(runtime: Runtime) -> str | None:
    """How MLflow's alias differs from what the ledger says is live, in a sentence; None when it does not."""
    now = live(runtime)
    model_id = now.model_id if now else None
    found = runtime[Models].read_alias(CHAMPION, model_id)
    if found is None or (found.right and (model_id is None or found.due is not None)):
        return None
    due = (
        f"version {found.due} (model {model_id})"
        if found.due
        else f"model {model_id}"
        if model_id
        else "none"
    )
    return f"MLflow's alias {CHAMPION} points to {found}, live by the ledger is {due}"
