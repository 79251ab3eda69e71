"""The sprints of a product as a table: a row per sprint, what was decided and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from sprintline.core.status import questions

if TYPE_CHECKING:
    from sprintline.core.status import SprintStatus

_STATE = {"closed": "green", "refused": "red", "waiting": "yellow", "open": "cyan", "planned": "dim"}
_DRIFT = {"none": "green", "suspected": "yellow", "confirmed": "red", "insufficient": "dim"}
_MODEL_ID = 8
_WHY = 150
"""Characters of a reason that a row shows; `--json` has all of it."""


def console() -> Console:
    """A console that keeps lines whole when the output is piped: eighty columns would break every cell."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=max(found.width, 150))


def sprint_table(title: str, rows: Iterable[SprintStatus]) -> Group:
    """The table of one product's sprints.

    Rows are the questions asked when they were counted, else all rows that landed. Each measure has the served model's
    figure above and, dimmed below, the naive baseline's and the interpretable twin's.
    """
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        pad_edge=False,
        padding=(0, 1),
    )
    for name, style in (
        ("sprint", {"no_wrap": True}),
        ("state", {"no_wrap": True}),
        ("rows", {"justify": "right"}),
    ):
        table.add_column(name, **style)  # type: ignore[arg-type]
    table.add_column("done", max_width=22)
    table.add_column("rate", justify="right", no_wrap=True)
    table.add_column("champion", no_wrap=True)
    for measure in ("ROC-AUC", "av. prec.", "Brier"):
        table.add_column(measure, justify="right", no_wrap=True)
    table.add_column("drift", no_wrap=True)
    table.add_column("decided", ratio=1, min_width=24)
    for row in rows:
        table.add_row(*_cells(row))
    legend = Text(
        "rate: share of positive outcomes. Under each measure: naive baseline · interpretable twin. "
        "sprintline status --json tells everything.",
        style="dim",
    )
    return Group(table, legend)


def _cells(row: SprintStatus) -> list[Text]:
    sprint = Text(row.sprint).append(f"\n{date.fromisoformat(row.first_day):%d %b %Y}", style="dim")
    return [
        sprint,
        _state(row),
        Text("–" if (count := questions(row.rows)) is None else f"{count:,}"),
        _done(row),
        Text("–" if row.positive_rate is None else f"{row.positive_rate:.1%}"),
        Text(row.champion[:_MODEL_ID] if row.champion else "–"),
        *(_measure(row.metrics, name) for name in ("roc_auc", "average_precision", "brier")),
        Text(row.drift or "–", style=_DRIFT.get(row.drift or "", "dim")),
        _decided(row),
    ]


def _state(row: SprintStatus) -> Text:
    text = Text(str(row.state), style=_STATE[str(row.state)])
    if row.restated:
        times = f" {len(row.restated)}×" if len(row.restated) > 1 else ""
        text.append(
            f"\nrestated{times}", style="yellow" if any(one["open"] for one in row.restated) else "dim"
        )
    return text


def _done(row: SprintStatus) -> Text:
    if row.done:
        return Text("Done" + (f" ({len(row.waived)} waived)" if row.waived else ""), style="green")
    if str(row.state) == "planned" or not row.missing:
        return Text("–", style="dim")
    first = row.missing[0].split(":")[0]
    more = f" and {len(row.missing) - 1} more" if len(row.missing) > 1 else ""
    return Text(f"no: {first}{more}", style="red" if str(row.state) in ("closed", "refused") else "yellow")


def _measure(metrics: dict[str, Any] | None, name: str) -> Text:
    if not metrics:
        return Text("–", style="dim")
    beside = " · ".join(_figure((metrics.get(yardstick) or {}).get(name)) for yardstick in ("naive", "twin"))
    return Text(_figure(metrics.get(name)), style="bold").append(f"\n{beside}", style="not bold dim")


def _figure(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}"


def _decided(row: SprintStatus) -> Text:
    if row.decision is None and row.why is None:
        return Text("–", style="dim")
    text = Text(row.decision or "", style="bold")
    if row.trained:
        text.append(f" (trained: {row.trained})", style="not bold")
    why = row.why or ""
    why = why if len(why) <= _WHY else f"{why[: _WHY - 1].rstrip()}…"
    return text.append(f"{': ' if text.plain and why else ''}{why}", style="not bold")
