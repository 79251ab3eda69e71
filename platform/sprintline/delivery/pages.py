"""Pages of the sprint site: where every product stands, and a page per sprint.

A page is one file: styles and charts lie inside, nothing is fetched from anywhere, and no script runs (its content
security policy says so). Whatever a team wrote is text and stays text: the templates escape it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sprintline.delivery.status import MEASURES, questions
from sprintline.mechanisms.reports import charts

if TYPE_CHECKING:
    from jinja2 import Environment

TITLES = {"roc_auc": "ROC-AUC", "average_precision": "Average precision", "brier": "Brier score"}
BETTER = {"roc_auc": "higher is better", "average_precision": "higher is better", "brier": "lower is better"}
_ORDER = {"fail": 0, "insufficient": 1, "pass": 2}


def first_page(products: Sequence[Mapping[str, Any]]) -> str:
    """Every product's table and charts.

    Args:
        products: of each what `stages.site.summary` tells: `product`, `title`, `description`, `now`, `error`,
            `sprints` (rows of `core.status` as dicts, oldest first, each with `drift_share`), and the open `backlog`.
    """
    shown = [{**one, "charts": _charts(one.get("sprints", ())), "latest": _latest(one)} for one in products]
    return _environment().get_template("first.html.j2").render(products=shown)


def sprint_page(detail: Mapping[str, Any]) -> str:
    """All that is known of one sprint of a product.

    Args:
        detail: what `stages.site.detail` tells: `product`, `title`, `now`, the `row`, its `verdicts`, the `drift`
            verdict, `before` and `after` (keys of the sprints beside it, or None), whether there is a drift `report`.
    """
    verdicts = sorted(
        detail["verdicts"],
        key=lambda one: (_ORDER[one["outcome"]], one["code"], one["asset"], one["subject"]),
    )
    row = detail["row"]
    figures = [(name, TITLES[name], BETTER[name]) for name in MEASURES] if row["metrics"] else []
    return (
        _environment()
        .get_template("sprint.html.j2")
        .render(**{**detail, "verdicts": verdicts, "figures": figures})
    )


def _charts(rows: Sequence[Mapping[str, Any]]) -> list[charts.Chart]:
    if not rows:
        return []
    keys = [row["sprint"] for row in rows]
    marks = {
        row["sprint"]: (
            "promoted" if row["decision"] in ("promote", "bootstrap") else "held",
            f"trained ({row['trained'].replace('_', ' ')}), decision: {row['decision'] or 'pending'}",
        )
        for row in rows
        if row["trained"]
    }
    drawn = [
        charts.lines(f"{TITLES[name]} ({BETTER[name]})", keys, _measured(rows, name), _three, marks)
        for name in MEASURES
    ]
    rates = {"positive share": [row["positive_rate"] for row in rows]}
    drawn.append(charts.lines("Share of positive outcomes", keys, rates, _percent, marks, from_zero=True))
    drawn.append(
        charts.bars(
            "Share of features that moved (drift)",
            keys,
            [row.get("drift_share") for row in rows],
            [row["drift"] or "insufficient" for row in rows],
            _percent,
        )
    )
    return [one for one in drawn if one is not None]


def _measured(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, charts.Figures]:
    metrics = [row["metrics"] or {} for row in rows]
    return {
        "champion": [one.get(name) for one in metrics],
        "naive": [(one.get("naive") or {}).get(name) for one in metrics],
        "twin": [(one.get("twin") or {}).get(name) for one in metrics],
    }


def _latest(product: Mapping[str, Any]) -> dict[str, Any]:
    """What stands above a product's charts."""
    closed = [row for row in product.get("sprints", ()) if row["state"] == "closed"]
    champions = [row["champion"] for row in closed if row["champion"]]
    return {
        "closed": len(closed),
        "done": sum(row["done"] for row in closed),
        "drift": closed[-1]["drift"] if closed else None,
        "champion": champions[-1] if champions else None,
        "trainings": sum(bool(row["trained"]) for row in closed),
    }


def _percent(value: float) -> str:
    return f"{value:.0%}" if round(value * 100, 6) == round(value * 100) else f"{value:.1%}"


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _day(text: str) -> str:
    return f"{date.fromisoformat(text):%d %b %Y}"


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%d %b %Y, %H:%M} UTC"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("sprintline.delivery"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "three": _three, "day": _day, "moment": _moment, "questions": lambda row: questions(row["rows"]),
        "words": lambda text: str(text).replace("_", " "), "thousands": lambda number: f"{number:,}",
    }  # fmt: skip
    return made
