"""Evidently reports, kept as JSON: the figures a drift verdict reads. Drift that is found gets a page for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.files import atomic_write, replacing
from sprintline.monitoring import drift_statistics
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_ROWS = 12_000
"""Rows compared on each side, so that cost does not grow with traffic. Above 10,000 SciPy's Kolmogorov-Smirnov test
takes the asymptotic p-value, which costs a tenth of the exact one and differs in nothing that matters at this size."""

MOST_DRAWN = 12
"""Features drawn on the page at most: each costs a tenth of a second and an eye's attention."""


@cache
def _value_drift() -> Any:
    """Evidently's `ValueDrift` with Evidently's own statistics and nothing around them: its column histograms,
    correlations and plots, made for every column and method, took 2.6 of the 2.8 seconds of a report's distances.
    """
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.metrics import ValueDrift
    from evidently.metrics.column_statistics import ValueDriftCalculation

    class ValueDriftFigure(ValueDrift):
        pass

    class ValueDriftFigureCalculation(ValueDriftCalculation):
        def calculate(self, context: Any, current_data: Any, reference_data: Any) -> Any:
            now, was = (side.column(self.metric.column) for side in (current_data, reference_data))
            values, before = now.data.dropna(), was.data.dropna()
            test = get_stattest(before, values, now.type, self.metric.method)
            result = self.result(float(test(before, values, now.type, None).drift_score))
            result.widget = []
            return result

    ValueDriftFigure.__calculation_type__ = ValueDriftFigureCalculation
    return ValueDriftFigure


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
        names: Sequence[str],
        categories: Sequence[str],
        seed: int,
    ) -> Path:
        """Evidently's own page of a sprint that drifted: the first `MOST_DRAWN` of the features named.

        categories: which features are categories, named or not.
        """
        from evidently import Report
        from evidently.metrics import MissingValueCount, ValueDrift

        names = list(names)[:MOST_DRAWN]
        numbers = [name for name in names if name not in categories]
        categories = [name for name in names if name in categories]
        drawn = [
            ValueDrift(column=name, method="wasserstein" if name in numbers else "jensenshannon")
            for name in names
            if reference[name].notna().any() and current[name].notna().any()
        ]
        metrics = [*drawn, *(MissingValueCount(column=name) for name in names)]
        place = self.page("drift", sprint)
        with replacing(place) as fresh:
            Report(metrics).run(*_sides(current, reference, numbers, categories, seed)).save_html(str(fresh))
        return place

    def null(self, key: str, learn: Callable[[], drift_statistics.Null]) -> drift_statistics.Null:
        """What is ordinary for a reference, learned once and kept. key: everything it was learned from, as a hash."""
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
