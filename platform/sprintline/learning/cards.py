"""Model cards from run evidence only (Mitchell et al., 2019, "Model Cards for Model Reporting").

A card is plain values. Each figure names the record it is from, its place in it, and the hash the record had; nothing
on a card was typed by anybody. Read again later, a card is compared with the records as they are then (`faults_of`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sprintline.base.hashing import canonical_json, text_hash
from sprintline.learning.facts import CardFaults
from sprintline.learning.metric_names import METRICS

#: Facts of a training that another training of the same model would not repeat.
UNREPEATABLE = ("seconds",)


@dataclass(frozen=True)
class Record:
    """A record a card may cite: its name (`candidate 2013-S10`), its hash and its content."""

    name: str
    hash: str
    content: Mapping[str, Any]


Records = Mapping[str, Record]
Path = tuple[str, ...]


def facts_hash(facts: Mapping[str, Any]) -> str:
    """Hash of measured facts as cards cite them: without what differs each time the same thing is done."""
    return text_hash(canonical_json({key: value for key, value in facts.items() if key not in UNREPEATABLE}))


def at(record: Record, path: Sequence[str]) -> Any:
    """The value at a place in a record; None where there is none."""
    value: Any = record.content
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def build_card(
    model_id: str,
    product: str,
    sprint: str,
    facts: Record,
    release: Record,
    champion: tuple[Record, Record] | None,
) -> dict[str, Any]:
    """The card of a candidate.

    facts: what was measured of it on its judged sprint. release: the manifest of its bundle. champion: the same two of
    the champion it is compared with; None at bootstrap.

    Returns {model, product, sprint, sections: [{title, figures}], claims: [...], hash}; a figure is {name, value,
    record, path, hash}, a claim a figure with `says` in place of a name.
    """
    sections = [
        {"title": title, "figures": [_figure(*one) for one in found]}
        for title, found in (
            ("Model", list(_identity(facts, release))),
            ("Data", list(_data(release))),
            ("Training", list(_training(facts, release))),
            (f"On the held-out sprint {sprint}", list(_metrics(facts))),
            ("Over time", list(_over_time(facts))),
            ("Slices", list(_slices(facts))),
        )
    ]
    if champion:
        changes = [_change(*one) for one in _changes((facts, release), champion)]
        sections.append({"title": f"Against champion {facts.content['champion']}", "figures": changes})
    claims = [
        {"says": says, **{key: value for key, value in _figure("", record, path).items() if key != "name"}}
        for says, record, path in _claims(facts)
    ]
    card = {"model": model_id, "product": product, "sprint": sprint, "sections": sections, "claims": claims}
    return {**card, "hash": text_hash(canonical_json(card))}


def faults_of(card: Mapping[str, Any], records: Records) -> CardFaults:
    """What is wrong with a card, as rule ML410 reads it."""
    figures = [(one["name"], one) for section in card["sections"] for one in section["figures"]]
    cited = [*figures, *((one["says"], one) for one in card["claims"])]
    stale = [told for name, one in cited for told in _stale(name, one, records)]
    body = {key: value for key, value in card.items() if key != "hash"}
    if card.get("hash") != text_hash(canonical_json(body)):
        stale.insert(0, "the card itself was changed after it was written")
    return {
        "figures": len(figures),
        "empty": [section["title"] for section in card["sections"] if not section["figures"]],
        "stale": list(dict.fromkeys(stale)),
        "unmeasured": [one["says"] for one in card["claims"] if not _measured(one["value"])],
    }


def _stale(name: str, one: Mapping[str, Any], records: Records) -> Iterator[str]:
    pairs = [(one["record"], one["path"], one["hash"], one["value"])]
    if "was" in one:
        pairs.append((one["was"]["record"], one["was"]["path"], one["was"]["hash"], one["was"]["value"]))
    for record, path, digest, value in pairs:
        found = records.get(record)
        if found is None:
            yield f"{name} cites {record}, which is not there"
        elif found.hash != digest:
            yield f"stale: {record} is {found.hash[:12]} now, the card cites {str(digest)[:12]}"
        elif _plain(at(found, path)) != value:
            yield f"{name} says {value}, its record {at(found, path)}"


def _measured(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _figure(name: str, record: Record, path: Path) -> dict[str, Any]:
    value = _plain(at(record, path))
    return {"name": name, "value": value, "record": record.name, "path": list(path), "hash": record.hash}


def _change(name: str, new: Record, path: Path, old: Record, place: Path) -> dict[str, Any]:
    was = {key: value for key, value in _figure(name, old, place).items() if key != "name"}
    return {**_figure(name, new, path), "was": was}


# --- sections --------------------------------------------------------------------------------------------------------

Cited = tuple[str, Record, Path]


def _identity(facts: Record, release: Record) -> Iterator[Cited]:
    yield "id", release, ("model_id",)
    yield "what it is", release, ("description",)
    yield "release", facts, ("release_digest",)
    yield "trained for", facts, ("trigger",)


def _data(release: Record) -> Iterator[Cited]:
    for name, path in (
        ("sprints", "sprints"),
        ("rows", "rows"),
        ("keys", "keys_hash"),
        ("features", "features_hash"),
    ):
        yield name, release, ("snapshot", path)
    yield "lake versions", release, ("snapshot", "data_versions")


def _training(facts: Record, release: Record) -> Iterator[Cited]:
    yield "inputs", release, ("inputs",)
    yield "parameters", release, ("snapshot", "params")
    yield "seed", release, ("snapshot", "seed")
    yield "iterations", facts, ("iterations",)
    yield "stopped by", facts, ("stopped",)
    yield "code", release, ("snapshot", "code_hash")
    yield "lock", release, ("snapshot", "lock_hash")


def _metrics(facts: Record) -> Iterator[Cited]:
    yield "rows", facts, ("rows_judged",)
    for name, metrics in sorted((at(facts, ("by_model",)) or {}).items()):
        for metric in sorted(metrics):
            yield f"{metric} of {name}", facts, ("by_model", name, metric)


def _over_time(facts: Record) -> Iterator[Cited]:
    if at(facts, ("backtest",)):
        yield "earlier origins", facts, ("backtest", "origins")
        yield "stability", facts, ("backtest", "stability")


def _slices(facts: Record) -> Iterator[Cited]:
    for name in sorted(at(facts, ("slices",)) or {}):
        said = _gain(facts, ("slices", name))
        yield f"{name}: {said} over {at(facts, ('slices_against',))}", facts, ("slices", name, "difference")


def _gain(facts: Record, path: Path) -> str:
    """What a difference is of. Records without its name are those of yes or no."""
    return METRICS[at(facts, (*path, "metric")) or "roc_auc"].title


def _claims(facts: Record) -> Iterator[tuple[str, Record, Path]]:
    """What the card says in words; each claim stands on one measured value."""
    rival = "champion" if at(facts, ("champion",)) else None
    if rival:
        said = _gain(facts, ("against_champion",))
        yield f"{said} gained over the champion", facts, ("against_champion", "difference")
    said = _gain(facts, ("baselines", "naive"))
    yield f"{said} gained over the naive baseline", facts, ("baselines", "naive", "difference")
    if (
        at(facts, ("backtest", "stability")) is not None
    ):  # else ML409 says what is missing, and nothing is claimed
        yield "least skill at an earlier origin, as a share of the mean", facts, ("backtest", "stability")
    yield "furthest that ONNX lies from scikit-learn", facts, ("parity", "model", "difference")


def _changes(
    new: tuple[Record, Record], old: tuple[Record, Record]
) -> Iterator[tuple[str, Record, Path, Record, Path]]:
    """What differs from the champion: data, parameters, training, and how both rank the same questions."""
    for name, place in (
        ("sprints", "sprints"),
        ("rows", "rows"),
        ("parameters", "params"),
        ("seed", "seed"),
        ("code", "code_hash"),
        ("lock", "lock_hash"),
    ):
        path = ("snapshot", place)
        if at(new[1], path) != at(old[1], path):
            yield name, new[1], path, old[1], path
    measured: tuple[tuple[str, Path], ...] = (
        ("iterations", ("iterations",)),
        ("stopped by", ("stopped",)),
        ("stability", ("backtest", "stability")),
    )
    for name, spot in measured:
        if at(new[0], spot) != at(old[0], spot):
            yield name, new[0], spot, old[0], spot
    # Both on the newer sprint: figures of two sprints would compare the sprints.
    for metric in sorted(at(new[0], ("by_model", "champion")) or {}):
        mine, theirs = ("by_model", "candidate", metric), ("by_model", "champion", metric)
        yield f"{metric} on the same questions", new[0], mine, new[0], theirs
