"""Evidently reports, kept as JSON: the figures a drift verdict reads. Drift that is found gets a page for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.files import atomic_write, replacing
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.monitoring import drift_statistics

SAMPLE_ROWS = 12_000
"""Rows compared on each side, so that cost does not grow with traffic. Above 10,000 SciPy's Kolmogorov-Smirnov test
takes the asymptotic p-value, which costs a tenth of the exact one and differs in nothing that matters at this size."""

MOST_DRAWN = 12
"""Statistics drawn on the page at most: each costs a tenth of a second and an eye's attention."""

MOST_DOTS = 1500
"""Rows of each side in a drawing of two features."""


@cache
def _value_drift() -> Any:
    """Evidently's `ValueDrift` with Evidently's own statistics and nothing around them: its column histograms,
    correlations and plots, made for every column and method, took 2.6 of the 2.8 seconds of a report's distances.
    """
    from evidently.core.metric_types import SingleValueCalculation
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.metrics import ValueDrift

    class ValueDriftFigure(ValueDrift):
        pass

    # Not of `ValueDriftCalculation`: a class made of that becomes what Evidently calculates `ValueDrift` with, in the
    # whole process, and the pages for people came without any plot.
    class ValueDriftFigureCalculation(SingleValueCalculation[ValueDriftFigure]):  # type: ignore[misc]
        def display_name(self) -> str:
            return f"value drift of {self.metric.column}"

        def calculate(self, context: Any, current_data: Any, reference_data: Any) -> Any:
            now, was = (side.column(self.metric.column) for side in (current_data, reference_data))
            values, before = now.data.dropna(), was.data.dropna()
            test = get_stattest(before, values, now.type, self.metric.method)
            result = self.result(float(test(before, values, now.type, None).drift_score))
            result.widget = []
            return result

    return ValueDriftFigure


@cache
def _drawing() -> Any:
    """A part of Evidently's page that it has no metric for: shares of missing values, or how two features go together.

    Evidently puts on a page what a metric gives it as its widget, so this is a metric with a figure and no calculation.
    """
    from evidently.core.metric_types import SingleValueCalculation
    from evidently.legacy.renderers.html_widgets import plotly_figure
    from evidently.metrics import ValueDrift

    class Drawing(ValueDrift):
        other: str = ""

    class DrawingCalculation(SingleValueCalculation[Drawing]):  # type: ignore[misc]
        def display_name(self) -> str:
            return f"drawing of {self.metric.column}"

        def calculate(self, context: Any, current_data: Any, reference_data: Any) -> Any:
            now, was = (side.as_dataframe() for side in (current_data, reference_data))
            draw = _pair if self.metric.other else _missing
            title, figure = draw(was, now, self.metric.column, self.metric.other)
            result = self.result(0.0)
            result.widget = [plotly_figure(title=title, figure=figure)]
            return result

    return Drawing


def _missing(was: pd.DataFrame, now: pd.DataFrame, name: str, _: str) -> tuple[str, Any]:
    """Shares of missing values of a feature as two bars."""
    from plotly.graph_objects import Bar, Figure

    shares = [float(side[name].isna().mean()) for side in (was, now)]
    figure = Figure(Bar(x=["training data", "this sprint"], y=shares))
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return f"missing {name}: {shares[0]:.1%} in the training data, {shares[1]:.1%} in this sprint", figure


def _pair(was: pd.DataFrame, now: pd.DataFrame, one: str, other: str) -> tuple[str, Any]:
    """Two features against each other, in the training data and in the sprint, each with its rank correlation."""
    from plotly.graph_objects import Figure, Scattergl

    from sprintline.monitoring import drift_statistics

    figure, ranks = Figure(), []
    # Grey and blue: told apart also by those who see red and green alike.
    for name, side, colour in (("training data", was, "#8a94a0"), ("this sprint", now, "#2f6fed")):
        both = side[[one, other]].dropna()
        ranks.append(float(both[one].rank().corr(both[other].rank())) if len(both) > 1 else float("nan"))
        dots = sampled(both, seed=0, rows=MOST_DOTS)
        marker = {"size": 4, "opacity": 0.5, "color": colour}
        figure.add_trace(Scattergl(x=dots[one], y=dots[other], mode="markers", name=name, marker=marker))
    figure.update_layout(xaxis_title=one, yaxis_title=other)
    pair = f"{one}{drift_statistics.PAIR}{other}"
    return f"correlation {pair}: {ranks[0]:+.2f} in the training data, {ranks[1]:+.2f} in this sprint", figure


class Reports:
    """Reports of one product under `<home>/reports/<product>/<kind>/<sprint>.json`."""

    @classmethod
    def of(cls, runtime: Runtime) -> Reports:
        """The one of a product."""
        return cls(runtime.home.reports, runtime.product)

    def __init__(self, root: Path, product: str) -> None:
        self.root = root / product

    def path(self, kind: str, sprint: str) -> Path:
        return self.root / kind / f"{sprint}.json"

    def page(self, kind: str, sprint: str) -> Path:
        return self.root / kind / f"{sprint}.html"

    def drift(
        self,
        sprint: str,
        reference: pd.DataFrame,
        current: pd.DataFrame,
        numbers: Sequence[str],
        categories: Sequence[str],
        seed: int,
        far: Callable[[dict[str, Any]], Iterable[str]] | None = None,
    ) -> dict[str, Any]:
        """Compare a sprint's features with the reference and keep the report; returns it as it was saved.

        Distances and missing shares are made for every feature, tests only for those that `far` names from the report
        without tests (None: for all), since a test costs five times a distance and can only keep an alarm back.
        Methods are always named: Evidently's own choice changes meaning with the number of rows.
        """
        from evidently.metrics import MissingValueCount

        from sprintline.monitoring import drift_statistics

        names = [*numbers, *categories]
        there = {name for name in names if reference[name].notna().any() and current[name].notna().any()}
        measure = _value_drift()
        sides = _sides(current, reference, numbers, categories, seed)
        distance = dict.fromkeys(numbers, "wasserstein") | dict.fromkeys(categories, "jensenshannon")
        test = dict.fromkeys(numbers, "ks") | dict.fromkeys(categories, "chisquare")
        ranks = drift_statistics.rank_correlations(sides[0].as_dataframe(), numbers)
        kept: dict[str, Any] = {
            "sprint": sprint,
            "rows": len(current),
            "reference_rows": len(reference),
            "compared_rows": len(sides[0].as_dataframe()),
            "compared_reference_rows": len(sides[1].as_dataframe()),
            # Beside Evidently's figures: its own rank correlations cost 6.8 s, since they bring Kendall's and plots.
            "correlations": {
                "pairs": drift_statistics.pairs_of(numbers),
                "values": [
                    round(value, 6) if value == value else None
                    for value in drift_statistics.upper(ranks).tolist()
                ],
            },
            "metrics": _run(
                [
                    *(measure(column=name, method=distance[name]) for name in names if name in there),
                    *(MissingValueCount(column=name) for name in names),
                ],
                sides,
            ),
        }
        asked = there if far is None else there.intersection(far(kept))
        kept["metrics"] += _run(
            [measure(column=name, method=test[name]) for name in names if name in asked], sides
        )
        self._save(self.path("drift", sprint), kept)
        self.page("drift", sprint).unlink(missing_ok=True)
        return kept

    def draw(
        self,
        sprint: str,
        reference: pd.DataFrame,
        current: pd.DataFrame,
        drifted: Sequence[str],
        categories: Sequence[str],
        seed: int,
        limits: Mapping[str, float] | None = None,
    ) -> Path | None:
        """Evidently's own page of a sprint that drifted, a drawing of each of the first `MOST_DRAWN` statistics named.

        drifted: as `drift.Window` names them. categories: which features are categories, named or not. limits: distance
        of a feature, in standard deviations, from which on the page calls it drift, as the verdict does. None, and no
        page, where there is nothing to draw, as when only the errors drifted.
        """
        from evidently import Report
        from evidently.metrics import MissingValueCount, ValueDrift

        from sprintline.monitoring import drift_statistics

        metrics: list[Any] = []
        names: dict[str, None] = {}
        for told in list(drifted)[:MOST_DRAWN]:
            kind, *columns = statistic_named(told, reference.columns)
            names |= dict.fromkeys(columns)
            if kind != "values":
                metrics.append(_drawing()(column=columns[0], method="ks", other="".join(columns[1:])))
            elif reference[told].notna().any() and current[told].notna().any():
                method = "jensenshannon" if told in categories else "wasserstein"
                limit = (limits or {}).get(told)
                if limit is not None and told in categories:
                    limit /= drift_statistics.JS_SCALE
                metrics += [
                    ValueDrift(column=told, method=method, threshold=limit),
                    MissingValueCount(column=told),
                ]
        if not metrics:
            return None
        numbers = [name for name in names if name not in categories]
        categories = [name for name in names if name in categories]
        place = self.page("drift", sprint)
        with replacing(place) as fresh:
            Report(metrics).run(*_sides(current, reference, numbers, categories, seed)).save_html(str(fresh))
        return place

    def null(self, key: str, learn: Callable[[], drift_statistics.Null]) -> drift_statistics.Null:
        """What is ordinary for a reference, learned once and kept. key: everything it was learned from, as a hash."""
        from sprintline.monitoring import drift_statistics

        place = self.root / "ordinary" / f"{key}.json"
        if not place.exists():
            self._save(place, learn().as_dict())
        return drift_statistics.Null.from_dict(json.loads(place.read_text()))

    def load(self, kind: str, sprint: str) -> dict[str, Any]:
        """A saved report. Raises FileNotFoundError when there is none."""
        return json.loads(self.path(kind, sprint).read_text())

    @staticmethod
    def _save(place: Path, content: dict[str, Any]) -> None:
        atomic_write(place, json.dumps(content, indent=1, sort_keys=True))


def statistic_named(told: str, features: Iterable[str]) -> tuple[str, ...]:
    """Kind of a statistic that `drift.Window` names, and its one or two features.

    Raises ValueError for a name that is none.
    """
    from sprintline.monitoring import drift_statistics

    known = set(features)
    if told in known:
        return "values", told
    if (name := told.removeprefix("missing ")) in known:
        return "missing", name
    parts = told.removeprefix("correlation ").split(drift_statistics.PAIR)
    for place in range(1, len(parts)):  # a feature's name may have the sign in it
        pair = tuple(drift_statistics.PAIR.join(some) for some in (parts[:place], parts[place:]))
        if known.issuperset(pair):
            return "correlations", *pair
    raise ValueError(f"{told!r} is no statistic of these features")


def sampled(frame: pd.DataFrame, seed: int, rows: int = SAMPLE_ROWS) -> pd.DataFrame:
    """At most so many rows, the same for the same seed."""
    return frame if len(frame) <= rows else frame.sample(rows, random_state=seed)


def _sides(
    current: pd.DataFrame,
    reference: pd.DataFrame,
    numbers: Sequence[str],
    categories: Sequence[str],
    seed: int,
) -> list[Any]:
    from evidently import DataDefinition, Dataset

    definition = DataDefinition(numerical_columns=list(numbers), categorical_columns=list(categories))
    columns = [*numbers, *categories]
    return [
        Dataset.from_pandas(
            sampled(frame[columns], seed).astype(dict.fromkeys(numbers, "float64")), definition
        )
        for frame in (current, reference)
    ]


def _run(metrics: Sequence[Any], sides: Sequence[Any]) -> list[dict[str, Any]]:
    """Figures of some Evidently metrics: column, method and value; of missing values the share."""
    from evidently import Report
    from threadpoolctl import threadpool_limits

    if not metrics:
        return []
    # Products of short vectors: threads of the linear algebra wait for each other, half of a distance's time.
    with threadpool_limits(limits=1):
        found_by = Report(list(metrics)).run(*sides).dict()["metrics"]
    return [
        {
            "config": {
                "column": found["config"]["column"],
                "method": found["config"].get("method", "missing"),
            },
            "value": float(value["share"] if isinstance(value := found["value"], dict) else value),
        }
        for found in found_by
    ]
