"""Evidently reports, kept as JSON: the figures a drift verdict reads."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_ROWS = 12_000
"""Rows compared on each side, so that cost does not grow with traffic. Above 10,000 SciPy's Kolmogorov-Smirnov test
takes the asymptotic p-value, which costs a tenth of the exact one and differs in nothing that matters at this size."""


@cache
def _value_drift() -> Any:
    """Evidently's `ValueDrift` without its plots: drawing them took three quarters of a report's ten seconds."""
    from evidently.metrics import ValueDrift
    from evidently.metrics.column_statistics import ValueDriftCalculation

    class ValueDriftFigure(ValueDrift):
        pass

    class ValueDriftFigureCalculation(ValueDriftCalculation):
        def _render(self, result: Any, options: Any, color_options: Any) -> list[Any]:
            return []

    ValueDriftFigure.__calculation_type__ = ValueDriftFigureCalculation
    return ValueDriftFigure


class Reports:
    """Reports of one product under `<home>/reports/<product>/<kind>/<sprint>.json`."""

    def __init__(self, root: Path, product: str) -> None:
        self.root = root / product

    def path(self, kind: str, sprint: str) -> Path:
        return self.root / kind / f"{sprint}.json"

    def drift(
        self,
        sprint: str,
        reference: pd.DataFrame,
        current: pd.DataFrame,
        numbers: Sequence[str],
        categories: Sequence[str],
        seed: int,
    ) -> dict[str, Any]:
        """Compare a sprint's features with the reference and keep the report; returns it as it was saved.

        Methods are always named: Evidently's own choice changes meaning with the number of rows.
        """
        from evidently import DataDefinition, Dataset, Report

        numbers = [name for name in numbers if reference[name].notna().any() and current[name].notna().any()]
        metrics = [
            _value_drift()(column=name, method=method)
            for names, methods in (
                (numbers, ("wasserstein", "ks")),
                (categories, ("jensenshannon", "chisquare")),
            )
            for name in names
            for method in methods
        ]
        definition = DataDefinition(numerical_columns=list(numbers), categorical_columns=list(categories))
        columns = [*numbers, *categories]
        sides = [
            Dataset.from_pandas(
                _sampled(frame[columns], seed).astype(dict.fromkeys(numbers, "float64")), definition
            )
            for frame in (current, reference)
        ]
        report = Report(metrics).run(*sides).dict()
        kept = {
            "sprint": sprint,
            "rows": len(current),
            "reference_rows": len(reference),
            "metrics": [
                {
                    "config": {key: str(m["config"][key]) for key in ("column", "method")},
                    "value": float(m["value"]),
                }
                for m in report["metrics"]
            ],
        }
        self._save(self.path("drift", sprint), kept)
        return kept

    def load(self, kind: str, sprint: str) -> dict[str, Any]:
        """A saved report. Raises FileNotFoundError when there is none."""
        return json.loads(self.path(kind, sprint).read_text())

    @staticmethod
    def _save(place: Path, content: dict[str, Any]) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f".{place.name}.{os.getpid()}")
        fresh.write_text(json.dumps(content, indent=1, sort_keys=True))
        fresh.replace(place)


def _sampled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    return frame if len(frame) <= SAMPLE_ROWS else frame.sample(SAMPLE_ROWS, random_state=seed)
