"""Model cards on disk: written from the records when a candidate is made, compared with them whenever they are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.files import atomic_write
from sprintline.learning.card_pages import markdown
from sprintline.learning.cards import Record, build_card, facts_hash, faults_of
from sprintline.learning.facts import CardFaults
from sprintline.learning.registry import Models
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    from sprintline.learning.bundles import Release

MISSING: CardFaults = {"figures": 0, "empty": [], "stale": [], "unmeasured": []}


def write_card(runtime: Runtime, model_id: str, sprint: str) -> str:
    """Make a candidate's card from what was recorded of it; returns its Markdown.

    Two files beside the release, `<home>/models/cards/<product>/<model>.json` and `.md`, each replaced whole.
    """
    facts = _facts(runtime, sprint)
    before = facts.content["champion"]
    rival = None
    if before:
        old = runtime[Models].release(before)
        # Measured when the champion was a candidate itself, on the sprint it was judged on then.
        rival = (_facts(runtime, old.manifest["snapshot"]["judged"]), _bundle(old))
    card = build_card(
        model_id, runtime.product, sprint, facts, _bundle(runtime[Models].release(model_id)), rival
    )
    text = markdown(card)
    atomic_write(card_file(runtime, model_id), json.dumps(card, indent=2, ensure_ascii=False) + "\n")
    atomic_write(card_file(runtime, model_id).with_suffix(".md"), text)
    return text


def card_file(runtime: Runtime, model_id: str) -> Path:
    """Where the JSON of a model's card lies."""
    return runtime.home.models / "cards" / runtime.product / f"{model_id}.json"


def read_card(runtime: Runtime, model_id: str) -> dict[str, Any] | None:
    """A model's card as it was written; None when it has none."""
    file = card_file(runtime, model_id)
    return json.loads(file.read_text()) if file.is_file() else None


def card_faults(runtime: Runtime, model_id: str) -> CardFaults:
    """What is wrong with a model's card by the records as they are now, as rule ML410 reads it."""
    card = read_card(runtime, model_id)
    if card is None:
        return MISSING
    cited = {one["record"] for one in _cited(card)}
    return faults_of(card, {name: found for name in cited if (found := _record(runtime, name))})


def bundle_damage(runtime: Runtime, card: dict[str, Any]) -> list[str]:
    """What is wrong with the files of the model that a card describes, a sentence each.

    A card cites the manifest, whose hash does not change with a file beside it: the files are read as well.
    """
    from sprintline.learning.bundles import ReleaseError

    cited = next((one["hash"] for one in _cited(card) if one["record"] == f"release {card['model']}"), None)
    try:
        return runtime[Models].release(card["model"], cited).verify()
    except ReleaseError as error:
        return [str(error)]


def _cited(card: dict[str, Any]) -> list[dict[str, Any]]:
    figures = [one for section in card["sections"] for one in section["figures"]]
    return [*figures, *(one["was"] for one in figures if "was" in one), *card["claims"]]


def _record(runtime: Runtime, name: str) -> Record | None:
    from sprintline.learning.bundles import ReleaseError

    kind, _, key = name.partition(" ")
    try:
        if kind == "release":
            return _bundle(runtime[Models].release(key))
        return _facts(runtime, key)
    except (ReleaseError, LookupError):
        return None


def _facts(runtime: Runtime, sprint: str) -> Record:
    found = runtime.measurement("candidate", sprint)
    return Record(f"candidate {sprint}", facts_hash(found.facts), found.facts)


def _bundle(release: Release) -> Record:
    return Record(f"release {release.model_id}", release.digest, release.manifest)
