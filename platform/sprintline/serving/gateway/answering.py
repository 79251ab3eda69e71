"""Answers of a live release to rows of plain values: inputs as they are given, features from the snapshot.

Neither Feast nor pandas is imported here: an answer takes microseconds of arithmetic, not milliseconds of frames.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sprintline.features.frame_checks import value_state
from sprintline.landing.types import MOST
from sprintline.learning.bundles import Release
from sprintline.serving.gateway.snapshot import Snapshot, SnapshotError, View, current, opened

FRESH = "fresh"
LONGEST = 1_000
"""Characters of a text; a category is a word."""
NAMED = 6
"""Most names that a message lists."""
UNPLANNED = "unplanned"
"""Where predictions of moments outside every planned sprint are logged."""

Row = Mapping[str, int | float | str | bool | None]


class BadRequest(ValueError):
    """A row cannot be answered; the message names the row, the field and what would be right."""


@dataclass(frozen=True)
class Answer:
    """What a row is answered with.

    predictions: by column, as closings name them. inputs: what the model was given. features: by view, the state of
        its values and the moment they are of; None where there are none.
    """

    predictions: dict[str, float | str]
    inputs: dict[str, float | str | None]
    features: dict[str, tuple[str, datetime | None]]


class Answering:
    """One product's live release, and the features it reads, in memory. It never changes: another replaces it."""

    def __init__(self, snapshot: Snapshot, name: str, release: Release) -> None:
        """release: the bundle that the snapshot names, opened with its digest of the ledger."""
        self.snapshot, self.name, self.release = snapshot, name, release
        inputs = release.inputs
        self._scorer = release.model  # read and compared with its SHA-256 now, not with the first request
        self._views = [_Lookup(view, inputs.names) for view in snapshot.views]
        self._views = [view for view in self._views if view.wanted]
        self._given = {feature: view for view in self._views for feature in view.wanted}
        self._numeric = frozenset(inputs.numeric)
        self._names = {*inputs.names, *(key for view in self._views for key in view.keys)}

    @property
    def inputs(self) -> tuple[str, ...]:
        """The model's inputs: numbers first, then categories."""
        return self.release.inputs.names

    def sprint(self, at: datetime) -> str:
        """The planned sprint that a moment belongs to."""
        seconds = at.timestamp()
        return next((key for key, start, end in self.snapshot.sprints if start <= seconds < end), UNPLANNED)

    def answer(self, rows: Sequence[Row], at: datetime) -> list[Answer]:
        """Predict each row by the live release, with the features that are fresh at `at`.

        A feature that is missing, stale or of a later moment counts as not known, as it does in a closing; the answer
        says so. An input that the row has is used as it is.

        Raises BadRequest for a name that is unknown, an input that nothing gives, a key that is missing and a value
        that the model cannot read.
        """
        asked = [self._inputs(f"rows[{number}]", row, at) for number, row in enumerate(rows)]
        task = self.release.task
        predicted = task.issued(self._scorer.answer(*self.release.inputs.of_rows([one for one, _ in asked])))
        columns = {
            name: values.tolist() if hasattr(values, "tolist") else list(values)
            for name, values in predicted.items()
        }
        return [
            Answer({name: values[place] for name, values in columns.items()}, inputs, states)
            for place, (inputs, states) in enumerate(asked)
        ]

    def _inputs(
        self, where: str, row: Row, at: datetime
    ) -> tuple[dict[str, float | str | None], dict[str, tuple[str, datetime | None]]]:
        for name in row:
            if name not in self._names:
                raise BadRequest(
                    f"{where}: {name[:80]!r} is neither an input of the model nor a key of its features"
                    f"{_meant(name, self._names)}"
                )
        self._complete(where, row)
        found: dict[str, float | str | None] = {}
        states: dict[str, tuple[str, datetime | None]] = {}
        values: dict[_Lookup, Mapping[str, Any]] = {}
        for name in self.inputs:
            if name in row:
                value: Any = row[name]
            else:
                view = self._given[name]
                if view not in values:
                    values[view], states[view.name] = view.values(where, row, at)
                value = values[view].get(name)
            found[name] = _number(where, name, value) if name in self._numeric else _word(where, name, value)
        return found, states

    def _complete(self, where: str, row: Row) -> None:
        """Raises BadRequest naming what a row lacks: inputs that no view gives, and keys of those that one gives."""
        lacking = [name for name in self.inputs if name not in row]
        asked = [name for name in lacking if name not in self._given]
        looked_up = [self._given[name] for name in lacking if name in self._given]
        keys = [key for view in looked_up for key in view.keys if row.get(key) is None]
        if wanted := list(dict.fromkeys([*asked, *keys])):
            raise BadRequest(
                f"{where} has no {_listed(wanted)}: give the inputs of the model that no feature view gives (null "
                f"where one is not known), and the keys by which the others are looked up"
            )


class _Lookup:
    """The rows of a view by key, for the inputs that are its features."""

    def __init__(self, view: View, inputs: Sequence[str]) -> None:
        self.name, self.keys, self.ttl = view.name, view.keys, timedelta(seconds=view.ttl_seconds)
        self.wanted = [feature for feature in view.features if feature in inputs]
        self._features = view.features
        self._rows = {key: (event, values) for key, event, values in view.rows}
        self._types = tuple(type(one) for one in view.rows[0][0]) if view.rows else ()

    def values(
        self, where: str, row: Row, at: datetime
    ) -> tuple[Mapping[str, Any], tuple[str, datetime | None]]:
        """Values by feature, none where they are not fresh; and their state and moment."""
        key: list[Any] = []
        for place, name in enumerate(self.keys):
            part = row[name]
            if self._types and type(part) is not self._types[place]:
                wanted = "a text" if self._types[place] is str else "a whole number"
                raise BadRequest(f"{where}: the key {name!r} is {wanted}, not {str(part)[:80]!r}")
            key.append(part)
        found = self._rows.get(tuple(key))
        moment = None if found is None else datetime.fromtimestamp(found[0], UTC)
        state = value_state(moment, at, self.ttl)
        fresh = dict(zip(self._features, found[1], strict=True)) if found and state == FRESH else {}
        return fresh, (state, moment)


def read(folder: Path, releases: Path, expected: str | None, model_id: str, threads: int = 1) -> Answering:
    """The current snapshot of a product, with its release.

    Args:
        folder: the product's, in the serving folder. releases: where bundles are.
        expected, model_id: digest and name of the live release, as the ledger has them: another is not opened.

    Raises:
        SnapshotError: there is no snapshot, or it is damaged, or of a model that is not live.
        ReleaseError: the release is missing, damaged or not the one in the ledger.
    """
    name = current(folder)
    if name is None:
        raise SnapshotError(f"{folder} has no snapshot: start `sprintline serve`, which writes it")
    snapshot = opened(folder, name)
    if (snapshot.model_id, snapshot.release_digest) != (model_id, expected):
        raise SnapshotError(
            f"the snapshot in {folder} is of model {snapshot.model_id}, by the ledger {model_id} is live"
        )
    return Answering(snapshot, name, Release.open(releases / model_id, expected, threads))


def _number(where: str, name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, str):
        raise BadRequest(f"{where}: {name!r} is {value[:80]!r}, no number: the model takes numbers there")
    number = float(value) if abs(value) <= MOST else math.inf
    if not math.isfinite(number):
        raise BadRequest(f"{where}: {name!r} is a number that no model can read: beyond 3.4e38")
    return number


def _word(where: str, name: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool | float):
        raise BadRequest(
            f"{where}: {name!r} is {value}, no text: the model takes a category there, in quotes"
        )
    if len(text := str(value)) > LONGEST:
        raise BadRequest(f"{where}: {name!r} has {len(text):,} characters; at most {LONGEST:,} are taken")
    return text


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _meant(name: str, names: set[str]) -> str:
    near = difflib.get_close_matches(name[:80], names, n=1)
    return f"; the nearest is {near[0]!r}" if near else f"; they are {_listed(sorted(names))}"
