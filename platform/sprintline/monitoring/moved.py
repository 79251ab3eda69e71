"""What moved in a sprint against the champion's training data, drawn: a document that the drift keeps for its page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sprintline.lake.tables import Lake
from sprintline.landing.showable import Showable
from sprintline.mechanisms.reports.document import Curves, Document, Form, Paragraph, Part, Ranking, Section
from sprintline.monitoring.facts import DriftFacts

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.learning.recipes import Inputs
    from sprintline.product.runtime import Runtime

MOVED = "moved"
"""Kind of the document."""
SMALL, LARGE = 0.1, 0.25
"""Population stability indices by which a shift is called small and large (Siddiqi, Credit Risk Scorecards, 2006)."""
MOST_RANKED, MOST_OTHERS, MOST_DRAWN, MOST_LEVELS, BINS = 10, 6, 4, 8, 16
"""Features and other statistics ranked; features drawn; values of a category; points of a distribution."""


def moved(runtime: Runtime, sprint: str, facts: DriftFacts) -> Document | None:
    """The document of a sprint from its recorded drift; None where nothing could be compared."""
    from sprintline.learning.registry import Models
    from sprintline.monitoring.measure import reference_of

    if not facts["reference"] or not facts["distances"]:
        return None
    release, showable = runtime[Models].release(facts["reference"]), Showable.of(runtime)
    names = [name for name in farthest(facts) if name in showable][:MOST_DRAWN]
    current = runtime[Lake].read(runtime.table("question_features"), [sprint], names or None)
    return document(facts, names, reference_of(release), current, release.inputs)


def times(facts: DriftFacts) -> dict[str, float]:
    """How many times farther than is ordinary the values of each feature are, the farthest first."""
    found = {
        name: one / facts["limits"][name] for name, one in facts["distances"].items() if facts["limits"][name]
    }
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def predictions_told(facts: DriftFacts) -> str:
    """How far the predictions moved, in words; empty for records that do not say."""
    found = facts.get("predictions")
    if not found or found["psi"] is None:
        return ""
    moved_by = found["psi"]
    word = "hardly moved" if moved_by < SMALL else "moved a little" if moved_by < LARGE else "moved much"
    return (
        f"predictions {word} against those of the training data: population stability index {moved_by:.3f} of "
        f"{found['rows']:,} predictions ({SMALL} is small, {LARGE} large)"
    )


def farthest(facts: DriftFacts) -> list[str]:
    """Features whose values moved beyond what is ordinary, the farthest first; the farthest one where none did."""
    far = times(facts)
    return [name for name, one in far.items() if one > 1] or list(far)[:1]


def document(
    facts: DriftFacts, names: list[str], reference: pd.DataFrame, current: pd.DataFrame, inputs: Inputs
) -> Document:
    """The document from plain values.

    Args:
        facts: the recorded drift.
        names: features to draw, which may be shown.
        reference, current: rows with these, of the champion's training data and of the sprint.
        inputs: of the champion.
    """
    far = times(facts)
    others = sorted(
        ((name, one) for name, one in facts.get("moved", {}).items() if name not in far),
        key=lambda one: -one[1],
    )
    told = (
        f"The values of {sum(one > 1 for one in far.values())} of {len(far)} features are farther from the training "
        f"data than is ordinary, and {len(others)} correlations and shares of missing values."
    )
    parts: list[Part] = [Paragraph(told)]
    if said := predictions_told(facts):
        parts.append(Paragraph(f"{said[0].upper()}{said[1:]}."))
    for title, ranked in (
        ("Distance of values from the training data over what is ordinary", list(far.items())[:MOST_RANKED]),
        ("The same of correlations and missing values", others[:MOST_OTHERS]),
    ):
        if ranked:
            distances = {"distance": tuple(float(one) for _, one in ranked)}
            shown = tuple(name for name, _ in ranked)
            parts.append(Ranking(title, shown, distances, line=(1.0, "ordinary up to here")))
    gone = {name: one for name, one in facts["missing"].items() if one["moved"]}
    if gone:
        parts.append(
            Ranking(
                "Missing values",
                tuple(gone),
                {
                    "training data": tuple(one["ordinary"] for one in gone.values()),
                    "this sprint": tuple(one["share"] for one in gone.values()),
                },
                Form.SHARE,
            )
        )
    for name in names:
        parts += _distribution(name, reference, current, name in inputs.categorical)
    return Document("Moved", (Section("What moved in the inputs", tuple(parts)),))


def _distribution(
    name: str, reference: pd.DataFrame, current: pd.DataFrame, category: bool
) -> Iterator[Part]:
    """How the values of a feature are spread in the training data and in the sprint."""
    import numpy as np

    was, now = reference[name].dropna(), current[name].dropna()
    if was.empty or now.empty:
        return
    if category:
        shares = [one.astype(str).value_counts(normalize=True) for one in (was, now)]
        apart = (shares[1].sub(shares[0], fill_value=0.0)).abs().sort_values(ascending=False, kind="stable")
        levels = tuple(str(one) for one in apart.index[:MOST_LEVELS])
        pair = {
            of: tuple(float(found.get(level, 0.0)) for level in levels)
            for of, found in zip(("training data", "this sprint"), shares, strict=True)
        }
        yield Ranking(f"{name}: shares of its values that moved most", levels, pair, Form.SHARE)
        return
    sides = [one.astype(float).to_numpy() for one in (was, now)]
    both = np.concatenate(sides)
    low, high = (float(one) for one in np.quantile(both, (0.005, 0.995)))
    if low == high:
        low, high = float(both.min()), float(both.max())
    if low == high:
        return
    edges = np.linspace(low, high, BINS + 1)
    counts = [np.histogram(np.clip(one, low, high), edges)[0] / len(one) for one in sides]
    yield Curves(
        f"{name}: share of rows",
        name,
        tuple(float(one) for one in (edges[:-1] + edges[1:]) / 2),
        {
            of: tuple(float(one) for one in found)
            for of, found in zip(("training data", "this sprint"), counts, strict=True)
        },
        Form.SHARE,
        Form.AUTO,
        from_zero=True,
    )
