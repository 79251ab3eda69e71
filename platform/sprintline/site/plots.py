"""Plots as Markdown: small PNGs inside Markdown, so that they need no server of their own."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

INK, ACCENT, SECOND = "#1f2933", "#2f6fed", "#d9822b"


def _figure(title: str, width: float = 7.0, height: float = 3.2) -> tuple[Any, Any]:
    # The object interface draws without pyplot, whose state is shared by the whole process.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=INK)
    return figure, axes


def _markdown(figure: Any, told: str) -> str:
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=90)
    return f"![{told}](data:image/png;base64,{base64.b64encode(target.getvalue()).decode()})"


def rates(by_sprint: Mapping[str, float], told: str) -> str:
    """A rate (0 to 1) per sprint as a line."""
    figure, axes = _figure(f"Share that {told}, by sprint")
    axes.plot(list(by_sprint), list(by_sprint.values()), marker="o", ms=3, color=ACCENT)
    axes.set_ylim(0, None)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.tick_params(axis="x", rotation=60)
    return _markdown(figure, "rate by sprint")


def calibration(label: pd.Series, chance: pd.Series, sprint: str) -> str:
    """Observed share against predicted chance in ten bins of equal size."""
    from sprintline.core.statistics import calibration_table

    table = calibration_table(label, chance)
    figure, axes = _figure(f"Calibration, {sprint}", width=4.2, height=3.6)
    axes.plot([0, 1], [0, 1], color="#9aa5b1", lw=1, ls="--")
    axes.plot(
        [row["predicted"] for row in table],
        [row["observed"] for row in table],
        marker="o",
        ms=4,
        color=ACCENT,
    )
    axes.set_xlabel("predicted chance", fontsize=8)
    axes.set_ylabel("observed share", fontsize=8)
    return _markdown(figure, "calibration")


def bars(values: Mapping[str, float], title: str, line: float | None = None, most: int = 20) -> str:
    """The largest values as horizontal bars, with a line where it begins to count."""
    largest = sorted(values.items(), key=lambda item: item[1])[-most:]
    figure, axes = _figure(title, height=0.6 + 0.22 * len(largest))
    colours = [SECOND if line is not None and value > line else ACCENT for _, value in largest]
    axes.barh([name for name, _ in largest], [value for _, value in largest], color=colours)
    if line is not None:
        axes.axvline(line, color=INK, lw=1, ls="--")
    return _markdown(figure, title)
