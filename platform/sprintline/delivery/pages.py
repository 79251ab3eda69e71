"""Reports of delivery: where every product's sprints are, one sprint in full, and the backlog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sprintline.delivery.measures import measures
from sprintline.delivery.recorded import DRIFT, Recorded
from sprintline.delivery.rules_page import gather_rules
from sprintline.delivery.status import State, brief, questions
from sprintline.learning.metric_names import Metric
from sprintline.mechanisms.backlog.board_rows import rows as board_rows
from sprintline.mechanisms.backlog.items import counts
from sprintline.mechanisms.backlog.update import board_of
from sprintline.mechanisms.reports.document import (
    Chart,
    Column,
    Document,
    Fact,
    Facts,
    Form,
    Items,
    Paragraph,
    Part,
    Section,
    Table,
    Value,
)
from sprintline.mechanisms.reports.kept import kept
from sprintline.mechanisms.reports.report import Per, Report
from sprintline.mechanisms.rules.registry import all_rules
from sprintline.mechanisms.rules.verdicts import Verdict
from sprintline.mechanisms.rules.waivers import waivers
from sprintline.monitoring.diagnosis import DIAGNOSIS
from sprintline.monitoring.moved import MOVED
from sprintline.monitoring.reports import Reports
from sprintline.product.runtime import Runtime
from sprintline.profiles.unusual import UNUSUAL

SPRINTS = "sprints"
"""Name of the report on the first page."""

_ORDER = {"fail": 0, "insufficient": 1, "pass": 2}


# --- the first page --------------------------------------------------------------------------------------------------


def gather_sprints(runtime: Runtime, _sprint: str | None) -> Document:
    """A product's part of the first page."""
    now = runtime.clock.now()
    return sprints_document(
        {
            "product": runtime.product,
            "title": runtime.spec.title,
            "description": runtime.spec.description,
            "now": now.isoformat(),
            "error": None,
            "sprints": runtime[Recorded].rows,
            "backlog": board_rows([one for one in board_of(runtime) if one.open], waivers(runtime), now),
        }
    )


def broken_document(product: str, error: str) -> Document:
    """The part of a product that does not load."""
    return sprints_document({"product": product, "title": product, "error": error})


def sprints_document(summary: Mapping[str, Any]) -> Document:
    """A product's part of the first page from plain values.

    Args:
        summary: `product`, `title`, `error`, and unless there is an error `description`, `now`, `sprints` (rows of the
            status as dicts, oldest first, each with `drift_count`) and the open `backlog`.
    """
    rows = [_shown(row) for row in summary.get("sprints", ())]
    latest = _latest(rows)
    data = {
        **summary,
        "sprints": rows,
        "latest": latest,
        "measures": [(one.name, one.short) for one in _measured_by(rows)],
        "filled": [name for name in _MAY_BE_EMPTY if any(row.get(name) is not None for row in rows)],
        "numbers": _answers(rows)[0] == "mean",
        "codes": _codes(),
    }
    if summary["error"]:
        error = Paragraph(f"The product does not load: {summary['error']}")
        return Document(summary["title"], (Section("", (error,)),), data)
    tiles = Facts(
        (
            Fact("closed", latest["closed"]),
            Fact("Done", latest["done"]),
            Fact("champion of the last sprint", latest["champion"]),
            Fact("trainings", latest["trainings"]),
            Fact("drift", latest["drift"]),
            Fact("open in the backlog", len(summary["backlog"])),
        )
    )
    charts = _charts(rows)
    sections = [Section("", (Paragraph(summary["description"]), tiles))]
    if charts:
        sections.append(Section("By sprint", tuple(charts)))
    if rows:
        sections.append(Section("Sprints", (_sprint_table(rows),)))
    if summary["backlog"]:
        sections.append(Section("Backlog", (Items(tuple(_item(one) for one in summary["backlog"])),)))
    return Document(summary["title"], tuple(sections), data)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with what the page shows of it: the questions, and the reason as `sprintline status` shortens it."""
    short, whole = brief(row["why"] or "")
    return {**row, "questions": questions(row["rows"]), "brief": short, "more": not whole}


_MAY_BE_EMPTY = ("positive_rate", "mean_answer", "champion", "drift")
"""Columns of the table of sprints that are left out while no sprint has a value."""


def _measured_by(rows: Sequence[Mapping[str, Any]]) -> Sequence[Metric]:
    """The metrics of which any sprint has a figure."""
    reported = measures(row["metrics"] for row in rows)
    return [one for one in reported if any((row["metrics"] or {}).get(one.name) is not None for row in rows)]


def _codes() -> list[str]:
    """Codes of all rules: the page of rules has a place for each."""
    return list(all_rules())


def _sprint_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    reported = _measured_by(rows)
    mean, answers = _answers(rows)
    columns = (
        Column("sprint"), Column("state"), Column("rows"), Column("Done"), Column(mean, answers[1]),
        Column("champion"), *(Column(one.heading, Form.MEASURE) for one in reported), Column("drift"),
        Column("decision"), Column("reason"),
    )  # fmt: skip
    return Table(
        columns,
        tuple(
            (
                row["sprint"], row["state"], row["questions"], row["done"], row[answers[0]], row["champion"],
                *((row["metrics"] or {}).get(one.name) for one in reported), row["drift"], row["decision"], row["why"],
            )
            for row in rows
        ),
    )  # fmt: skip


def _answers(rows: Sequence[Mapping[str, Any]]) -> tuple[str, tuple[str, Form]]:
    """Heading of the column on the answers of each sprint, its name in a row and its form: a rate, or their mean."""
    if any(row.get("mean_answer") is not None for row in rows):
        return "mean", ("mean_answer", Form.MEASURE)
    return "rate", ("positive_rate", Form.SHARE)


def _item(one: Mapping[str, Any]) -> str:
    waived = f"; waived by {one['waived']}" if one["waived"] else ""
    return f"{one['id']} {one['what']}, {one['seen']}{waived}. {one['evidence']}"


def _charts(rows: Sequence[Mapping[str, Any]]) -> list[Chart]:
    keys = tuple(row["sprint"] for row in rows)
    marks = tuple(
        (
            row["sprint"],
            "promoted" if row["decision"] in ("promote", "bootstrap") else "held",
            f"trained ({row['trained'].replace('_', ' ')}), decision: {row['decision'] or 'pending'}",
        )
        for row in rows
        if row["trained"]
    )
    drawn = [
        Chart(f"{one.heading} ({one.better})", keys, _measured(rows, one.name), marks=marks)
        for one in measures(row["metrics"] for row in rows)
    ]
    heading, (name, form) = _answers(rows)
    means = {"positive share" if heading == "rate" else "mean": tuple(row[name] for row in rows)}
    title = "Share of positive outcomes" if heading == "rate" else "Mean of the answers"
    drawn.append(Chart(title, keys, means, form=form, marks=marks, from_zero=heading == "rate"))
    moved = {"statistics": tuple(row.get("drift_count") for row in rows)}
    states = tuple(row["drift"] or "insufficient" for row in rows)
    drawn.append(
        Chart("Statistics that drifted, by themselves", keys, moved, "bars", form=Form.AUTO, states=states)
    )
    return [one for one in drawn if any(f is not None for figures in one.series.values() for f in figures)]


def _measured(rows: Sequence[Mapping[str, Any]], name: str) -> dict[str, tuple[float | None, ...]]:
    metrics = [row["metrics"] or {} for row in rows]
    return {
        "champion": tuple(one.get(name) for one in metrics),
        "naive": tuple((one.get("naive") or {}).get(name) for one in metrics),
        "twin": tuple((one.get("twin") or {}).get(name) for one in metrics),
    }


def _latest(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The tiles above a product's charts."""
    closed = [row for row in rows if row["state"] == "closed"]
    champions = [row["champion"] for row in closed if row["champion"]]
    return {
        "closed": len(closed),
        "done": sum(row["done"] for row in closed),
        "drift": closed[-1]["drift"] if closed else None,
        "champion": champions[-1] if champions else None,
        "trainings": sum(bool(row["trained"]) for row in closed),
    }


# --- one sprint ------------------------------------------------------------------------------------------------------


def gather_sprint(runtime: Runtime, sprint: str | None) -> Document | None:
    """All that is known of one sprint; None for one in which nothing has started."""
    recorded = runtime[Recorded]
    if sprint not in recorded.keys:
        return None
    place, drift = recorded.keys.index(sprint), recorded.drift.get(sprint)
    return sprint_document(
        {
            "product": runtime.product,
            "title": runtime.spec.title,
            "now": runtime.clock.now().isoformat(),
            "row": recorded.status[sprint].as_dict(),
            "verdicts": [_verdict(one) for one in recorded.verdicts.get(sprint, ())],
            "drift": {"why": drift.get("why") if drift else None},
            "report": runtime[Reports].page(DRIFT, sprint).is_file(),
            "kept": {kind: _kept(runtime, asset, kind, sprint) for asset, kind in _KEPT},
            "before": recorded.keys[place - 1] if place else None,
            "after": recorded.keys[place + 1] if place + 1 < len(recorded.keys) else None,
        }
    )


_KEPT = (("scores", DIAGNOSIS), (DRIFT, MOVED), ("profiles", UNUSUAL))
"""Assets that keep a document for the page of a sprint, and its kind."""


def _kept(runtime: Runtime, asset: str, kind: str, sprint: str) -> Document | None:
    measured = runtime.measured(asset, sprint)
    return kept(runtime, kind, sprint, measured.data_version) if measured else None


def sprint_document(detail: Mapping[str, Any]) -> Document:
    """One sprint from plain values.

    Args:
        detail: `product`, `title`, `now`, the `row` of the status, its `verdicts`, the reason of the `drift` state,
            whether there is a drift `report`, the `kept` documents by kind (None where there is none), and `before` and
            `after` (keys of the sprints beside it, or None).
    """
    row = detail["row"]
    verdicts = sorted(
        detail["verdicts"],
        key=lambda one: (_ORDER[one["outcome"]], one["code"], one["asset"], one["subject"]),
    )
    reported = measures([row["metrics"]]) if row["metrics"] else ()
    figures = [
        (one.name, one.heading, one.better)
        for one in reported
        if any(
            (of or {}).get(one.name) is not None
            for of in (row["metrics"], *map(row["metrics"].get, ("naive", "twin")))
        )
    ]
    found = {kind: list(one.sections) for kind, one in detail["kept"].items() if one}
    data = {
        **{name: value for name, value in detail.items() if name != "kept"},
        "verdicts": verdicts,
        "figures": figures,
        "codes": _codes(),
        "drawn": {kind: [one.title for one in sections] for kind, sections in found.items()},
        "no_diagnosis": _no_diagnosis(row),
        "beside": [name for name in ("naive", "twin") if row["metrics"] and row["metrics"].get(name)],
    }
    facts: list[tuple[str, Value, Form]] = [
        ("state", row["state"], Form.AUTO),
        ("start", row["start"], Form.AUTO),
        ("end", row["end"], Form.AUTO),
        ("Done", row["done"], Form.AUTO),
        ("positive outcomes", row["positive_rate"], Form.SHARE)
        if row.get("mean_answer") is None
        else ("mean answer", row["mean_answer"], Form.MEASURE),
        ("champion", row["champion"], Form.AUTO),
        ("drift", row["drift"], Form.AUTO),
        ("drift reason", detail["drift"]["why"], Form.AUTO),
        ("trained", row["trained"], Form.AUTO),
        ("decision", row["decision"], Form.AUTO),
        ("reason", row["why"], Form.AUTO),
    ]
    parts: list[tuple[str, Part | None]] = [
        ("", Facts(tuple(Fact(*one) for one in facts))),
        ("Missing", Items(tuple(row["missing"])) if row["missing"] else None),
        ("Waived", Items(tuple(row["waived"])) if row["waived"] else None),
        ("Measures", _measures(row["metrics"]) if row["metrics"] else None),
        ("Rules", _verdict_table(verdicts) if verdicts else None),
        (
            "Rows",
            Table((Column("asset"), Column("rows")), tuple(sorted(row["rows"].items())))
            if row["rows"]
            else None,
        ),
        ("Restated", Items(tuple(one["told"] for one in row["restated"])) if row["restated"] else None),
        ("Approved", _approval(row["approved"]) if row["approved"] else None),
    ]
    own = [Section(title, (part,)) for title, part in parts if part is not None]
    drawn = [one for sections in found.values() for one in sections]
    place = next((i for i, one in enumerate(own) if one.title == "Rules"), len(own))
    sections = (*own[:place], *drawn, *own[place:])
    return Document(f"{row['sprint']}, {detail['title']}", sections, data)


def _no_diagnosis(row: Mapping[str, Any]) -> str:
    """Why a sprint's page does not show where predictions were right, where it does not."""
    if row["state"] != State.CLOSED and not row["metrics"]:
        return "The predictions of this sprint are not scored yet."
    if not row["champion"]:
        return "No model answered the questions of this sprint: there was no champion before it."
    return "These figures were not recorded with the scores of this sprint: materialize scores for it, then they are."


def _measures(metrics: Mapping[str, Any]) -> Table:
    columns = (Column("measure"), *(Column(name, Form.MEASURE) for name in ("champion", "naive", "twin")))
    beside = [metrics.get(name) or {} for name in ("naive", "twin")]
    return Table(
        columns,
        tuple(
            (of.heading, metrics.get(of.name), *(one.get(of.name) for one in beside))
            for of in measures([metrics])
        ),
    )


def _verdict_table(verdicts: Sequence[Mapping[str, Any]]) -> Table:
    names = ("code", "asset", "subject", "outcome", "severity", "sentence")
    return Table(
        tuple(Column(name) for name in ("rule", *names[1:])),
        tuple(tuple(one[name] for name in names) for one in verdicts),
    )


def _approval(approved: Mapping[str, Any]) -> Facts:
    facts = [
        Fact("by", approved["by"]),
        Fact("reason", approved["reason"]),
        Fact("valid", approved["stands"]),
    ]
    return Facts((*facts, *([] if approved["stands"] else [Fact("not valid because", approved["why_not"])])))


def _verdict(one: Verdict) -> dict[str, Any]:
    rule = all_rules().get(one.code)
    return {
        "code": one.code,
        "claim": rule.claim if rule else "",
        "asset": one.asset.rsplit("/", 1)[-1],
        "subject": one.subject,
        "outcome": str(one.outcome),
        "severity": str(one.severity),
        "sentence": one.sentence,
        "remedy": rule.remedy if rule else "",
    }


# --- the backlog -----------------------------------------------------------------------------------------------------


def gather_backlog(runtime: Runtime, _sprint: str | None) -> Document | None:
    """The open items of a product's backlog; None before it had any item."""
    items = board_of(runtime)
    if not items:
        return None
    board = board_rows([one for one in items if one.open], waivers(runtime), runtime.clock.now())
    totals = Facts(tuple(Fact(name, number) for name, number in counts(items).items()))
    title = f"Backlog, {runtime.spec.title}"
    if not board:
        return Document(title, (Section("", (totals, Paragraph("No item is open."))),))
    names = ("id", "kind", "severity", "what", "asset", "sightings", "since", "last", "owner", "waived")
    table = Table(
        tuple(Column(name) for name in names), tuple(tuple(one[name] for name in names) for one in board)
    )
    return Document(
        title,
        (Section("", (totals,)), Section("Open items", (table,)), Section("Evidence", (evidence(board),))),
    )


def evidence(board: Sequence[Mapping[str, Any]]) -> Items:
    """The newest evidence of every open item, a line each."""
    return Items(
        tuple(
            f"{one['id']} {one['what']} (since {one['since']}; {one['owner']}"
            + (f"; waived by {one['waived']}" if one["waived"] else "")
            + f"). {one['evidence']}"
            for one in board
        )
    )


REPORTS = (
    Report(SPRINTS, "Sprints", Per.SITE, gather_sprints, "first.html.j2", "index.html"),
    Report("sprint", "Sprint", Per.SPRINT, gather_sprint, "sprint.html.j2", "{product}/{sprint}.html"),
    Report("backlog", "Backlog", Per.PRODUCT, gather_backlog),
    Report("rules", "Rules", Per.PRODUCT, gather_rules, "rules.html.j2"),
)
