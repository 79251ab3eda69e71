"""The sprints of a product for a terminal: a table, cards where the table does not fit, and one sprint in detail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from sprintline.base.terminal import wrapped
from sprintline.base.words import counted_as, measure
from sprintline.delivery.measures import measures
from sprintline.delivery.status import brief, questions
from sprintline.learning.metric_names import Metric

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

    from sprintline.delivery.status import SprintStatus

_STATE = {"closed": "green", "refused": "red", "waiting": "yellow", "open": "cyan", "planned": "dim"}
_DRIFT = {"none": "green", "suspected": "yellow", "confirmed": "red", "insufficient": "dim"}
_MORE = "(more)"
_TALL = 4
"""Lines that a row of the table may have. Where a reason needs more, its column is too narrow to read."""
_GAP = 3
"""Spaces between two values on a line of a card."""


class SprintTable:
    """One product's sprints: the table where it fits the width with no word cut and low rows, else a card per sprint.

    Rows are the questions asked when they were counted, else all rows that landed. Each measure has the champion's
    figure and beside it the naive baseline's and the interpretable twin's. Print it with `crop=False`: a single word
    that is longer than the line is printed whole.
    """

    def __init__(self, title: str, rows: Iterable[SprintStatus]) -> None:
        self.title = title
        self.rows = list(rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        reported = measures(row.metrics for row in self.rows)
        names = _columns(reported, any(row.mean_answer is not None for row in self.rows))
        cells = [_cells(row, reported, _length_differs(self.rows)) for row in self.rows]
        widths = _column_widths(names, cells, width)
        yield from wrapped(Text(self.title, style="bold"), width)
        if widths is None:
            yield from _cards(self.rows, width)
        else:
            yield _table(names, cells, widths)
        yield Text()
        yield from wrapped(Text(_legend(self.rows, widths is not None), style="dim"), width)


class SprintDetail:
    """One sprint with everything that is known of it, every reason in full. Print it with `crop=False`."""

    def __init__(self, title: str, row: SprintStatus) -> None:
        self.title = title
        self.row = row

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, row = options.max_width, self.row
        yield from wrapped(Text(row.sprint, style="bold").append(f"  {self.title}", style="not bold"), width)
        sections = [(name, list(values)) for name, values in _sections(row, width - _LABEL)]
        for name, values in sections:
            for place, value in enumerate(values):
                label = Text().append(f"{name if place == 0 else '':<{_LABEL}}", style="dim")
                yield from wrapped(label.append_text(_plain(value)), width, _LABEL)


_LABEL = 13


def _plain(value: Text | str) -> Text:
    return Text(value) if isinstance(value, str) else value


# --- the table ------------------------------------------------------------------------------------------------------


def _columns(reported: Sequence[Metric], numbers: bool) -> dict[str, bool]:
    """Name of each column, and whether its values are figures. numbers: whether answers are numbers."""
    return {
        "sprint": False, "state": False, "rows": True, "done": False, "mean" if numbers else "rate": True,
        "champion": False, **{one.short: True for one in reported}, "drift": False, "decided": False,
    }  # fmt: skip


_WRAPPING = {"done": 22, "decided": 0}
"""Columns that may break between words, and the width they take; the last column takes what is left as well."""
_BETWEEN = 2


def _column_widths(
    names: Mapping[str, bool], cells: Sequence[Sequence[Text]], width: int
) -> list[int] | None:
    """A width for each column at which no word is cut and no row is taller than _TALL; None when there is none."""
    columns = list(zip(*cells, strict=True)) or [()] * len(names)
    widths = []
    for name, column in zip(names, columns, strict=True):
        texts = [Text(name), *column]
        longest = max(line.cell_len for text in texts for line in text.split("\n"))
        word = max(word.cell_len for text in texts for word in (Text(one) for one in text.plain.split()))
        widths.append(max(word, min(longest, _WRAPPING.get(name, longest))))
    spare = width - sum(widths) - _BETWEEN * (len(widths) - 1)
    if spare < 0:
        return None
    widths[-1] = min(longest, widths[-1] + spare)
    tallest = max(
        (len(list(wrapped(text, size))) for row in cells for text, size in zip(row, widths, strict=True)),
        default=0,
    )
    return widths if tallest <= _TALL else None


def _table(
    names: Mapping[str, bool], cells: Sequence[Sequence[Text]], widths: Sequence[int]
) -> RenderableType:
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, _BETWEEN - 1, 0, 0),
        header_style="bold",
    )
    for (name, figures), width in zip(names.items(), widths, strict=True):
        table.add_column(name, width=width, justify="right" if figures else "left")
    for row in cells:
        table.add_row(*row)
    return table


def _cells(row: SprintStatus, reported: Sequence[Metric], length: bool) -> list[Text]:
    state = Text(str(row.state), style=_STATE[str(row.state)])
    if row.restated:
        state = Text.assemble(state, "\n", _restated(row))
    return [
        Text(row.sprint).append(f"\n{_day(row)}" + (f"\n{_length(row)}" if length else ""), style="dim"),
        state,
        Text(_rows(row)),
        _done(row),
        Text(_rate(row)),
        Text(row.champion or "–"),
        *(_measure(row.metrics, one.name) for one in reported),
        _drift(row),
        _decided(row),
    ]


def _measure(metrics: dict[str, Any] | None, name: str) -> Text:
    if not metrics:
        return Text("–", style="dim")
    beside = " · ".join(_figure((metrics.get(baseline) or {}).get(name)) for baseline in ("naive", "twin"))
    return Text(_figure(metrics.get(name)), style="bold").append(f"\n{beside}", style="not bold dim")


# --- the cards ------------------------------------------------------------------------------------------------------


def _cards(rows: Sequence[SprintStatus], width: int) -> Iterator[Text]:
    """A card per sprint: what it is, its figures, and what was decided. The same value begins at the same place."""
    heads = [_head(row, _length_differs(rows)) for row in rows]
    figures = [_figures(row) for row in rows]
    names = list(dict.fromkeys(name for card in figures for name in card))
    head_widths = [max(part.cell_len for part in column) for column in zip(*heads, strict=True)]
    widths = {
        name: max(_labelled(name, card[name]).cell_len for card in figures if name in card) for name in names
    }
    lines = _flowed(names, widths, width - 2)
    for row, head, card in zip(rows, heads, figures, strict=True):
        yield from wrapped(_padded(head, head_widths, 2), width, 4)
        for line in lines:
            shown = [_labelled(name, card[name]) if name in card else Text() for name in line]
            if any(text.plain for text in shown):
                text = Text("  ").append_text(_padded(shown, [widths[name] for name in line], _GAP))
                yield from wrapped(text, width, 4)
        if row.decision or row.why:
            text = _labelled("decided" if row.decision else "reason", _decided(row))
            yield from wrapped(Text("  ").append_text(text), width, 4)


def _head(row: SprintStatus, length: bool) -> list[Text]:
    state = Text(str(row.state), style=_STATE[str(row.state)])
    if row.restated:
        state = Text.assemble(state, ", ", _restated(row))
    done = Text() if _done(row).plain == "–" else _done(row, "not Done: ")
    day = f"{_day(row)}, {_length(row)}" if length else _day(row)
    return [Text(row.sprint, style="bold"), Text(day, style="dim"), state, done]


def _figures(row: SprintStatus) -> dict[str, Text]:
    """What a card says in figures and single words; what is not known is left out."""
    found = {}
    if questions(row.rows) is not None:
        found["rows"] = Text(_rows(row))
    if _rate(row) != "–":
        found["rate" if row.mean_answer is None else "mean"] = Text(_rate(row))
    if row.drift:
        found["drift"] = _drift(row)
    if row.champion:
        found["champion"] = Text(row.champion)
    for place, one in enumerate(measures([row.metrics]) if row.metrics else ()):
        found[one.short] = _card_measure(row.metrics or {}, one.name, first=place == 0)
    return found


def _card_measure(metrics: dict[str, Any], name: str, first: bool) -> Text:
    """A measure; the first one with the naive baseline and the twin, as there is room for one such."""
    text = Text(_figure(metrics.get(name)), style="bold")
    if first:
        figures = {one: (metrics.get(one) or {}).get(name) for one in ("naive", "twin")}
        beside = [f"{one} {_figure(value)}" for one, value in figures.items() if value is not None]
        text.append(f" ({', '.join(beside)})" if beside else "", style="not bold")
    return text


def _flowed(names: Sequence[str], widths: dict[str, int], width: int) -> list[list[str]]:
    """Which values share a line: as many as fit, in their order."""
    lines: list[list[str]] = []
    taken = width
    for name in names:
        if not lines or taken + _GAP + widths[name] > width:
            lines.append([])
            taken = -_GAP
        lines[-1].append(name)
        taken += _GAP + widths[name]
    return lines


def _padded(parts: Sequence[Text], widths: Sequence[int], gap: int) -> Text:
    text = Text()
    for part, width in zip(parts, widths, strict=True):
        text.append_text(part).append(" " * (width - part.cell_len + gap))
    return text


def _labelled(label: str, value: Text) -> Text:
    return Text().append(f"{label}: ", style="dim").append_text(value)


# --- one sprint -----------------------------------------------------------------------------------------------------


def _sections(row: SprintStatus, width: int) -> Iterator[tuple[str, Iterable[Text | str]]]:
    """Every label of the detail with its values, a paragraph each."""
    state = Text(str(row.state), style=_STATE[str(row.state)])
    yield "state", [Text.assemble(state, ", ", _restated(row)) if row.restated else state]
    yield "dates", [f"first day {_day(row)}, {_length(row)}; {_moment(row.start)} to {_moment(row.end)}"]
    unmet = "red" if str(row.state) in ("closed", "refused") else "yellow"
    yield "Done", [Text("yes", style="green") if row.done else Text("no", style=unmet)]
    yield "missing", row.missing
    yield "waived", row.waived
    if sum(row.rules.get(outcome, 0) for outcome in ("pass", "fail", "insufficient")):
        codes = row.rules.get("not_passing") or []
        counts = ", ".join(f"{row.rules.get(one, 0)} {one}" for one in ("pass", "fail", "insufficient"))
        yield "rules", [counts + (f"; not passing: {', '.join(codes)}" if codes else "")]
    yield "rows", _grid([f"{asset} {count:,}" for asset, count in sorted(row.rows.items())], width)
    yield "rate", [] if row.positive_rate is None else [f"{_rate(row)} positive outcomes"]
    yield "mean", [] if row.mean_answer is None else [f"{_rate(row)}, of the answers"]
    yield "classes", _grid([f"{name} {share:.1%}" for name, share in (row.shares or {}).items()], width)
    yield "champion", [row.champion or "none: no model issued predictions for this sprint"]
    if row.metrics:
        yield "metrics", _metric_lines(row.metrics, width)
    if row.drift:
        yield "drift", [Text.assemble(_drift(row), f": {row.drift_why}" if row.drift_why else "")]
    # Without a decision the reason is the drift's, which is shown above, or a refusal.
    why = row.why if row.decision or row.why != row.drift_why else None
    if row.decision:
        yield "decision", [Text.assemble(_decision(row), f": {why}" if why else "")]
    else:
        yield "decision", ["none yet" + (f": {why}" if why else "")]
    yield "restated", [_restatement(one) for one in row.restated]
    if row.approved:
        approved = f"by {row.approved['by']} until {row.approved['expires']}: {row.approved['reason']}"
        ended = f"; no longer valid: {row.approved['why_not']}"
        yield "approved", [approved + ("" if row.approved["stands"] else ended)]


def _metric_lines(metrics: dict[str, Any], width: int) -> list[str]:
    lines = [["", "champion", "naive baseline", "interpretable twin"]]
    if sum(map(len, lines[0])) + 15 > width:
        lines = [["", "champion", "naive", "twin"]]
    for of in measures([metrics]):
        beside = [(metrics.get(one) or {}).get(of.name) for one in ("naive", "twin")]
        lines.append([of.short, *map(_figure, (metrics.get(of.name), *beside))])
    first, *others = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        f"{label:<{first}}"
        + "".join(f"  {value:>{size}}" for value, size in zip(values, others, strict=True))
        for label, *values in lines
    ]


def _grid(values: Sequence[str], width: int) -> list[str]:
    """Short values in columns."""
    if not values:
        return []
    cell = max(map(len, values)) + _GAP
    count = max(1, (width + _GAP) // cell)
    return [
        "".join(f"{value:<{cell}}" for value in values[start : start + count]).rstrip()
        for start in range(0, len(values), count)
    ]


def _restatement(one: dict[str, Any]) -> str:
    if one["open"]:
        return f"{one['told']}; no attestation yet"
    return one["told"] + (f"; {one['attested_by']} attested to it" if one["attested_by"] else "")


def _moment(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M} UTC"


# --- what all of them show ------------------------------------------------------------------------------------------


def _legend(rows: Sequence[SprintStatus], table: bool) -> str:
    told = "rate: share of positive outcomes."
    if any(row.mean_answer is not None for row in rows):
        told = "mean: of the answers."
    elif any(row.shares for row in rows):
        told = "rate: share of the most frequent class."
    parts = [told]
    if any(row.metrics for row in rows):
        parts.append(
            "Under each measure: naive baseline · interpretable twin."
            if table
            else "naive, twin: naive baseline and interpretable twin."
        )
    whole = "sprintline status SPRINT shows one sprint with its whole reason"
    parts.append(f"{_MORE}: {whole}." if any(_MORE in _decided(row).plain for row in rows) else f"{whole}.")
    return " ".join(parts)


def _day(row: SprintStatus) -> str:
    return f"{date.fromisoformat(row.first_day):%d %b %Y}"


def _length(row: SprintStatus) -> str:
    return counted_as(row.days, "day")


def _length_differs(rows: Sequence[SprintStatus]) -> bool:
    """Whether figures of these sprints are of different numbers of days, so that each has to say its own."""
    return len({row.days for row in rows}) > 1


def _rows(row: SprintStatus) -> str:
    return "–" if (count := questions(row.rows)) is None else f"{count:,}"


def _rate(row: SprintStatus) -> str:
    if row.mean_answer is not None:
        return measure(row.mean_answer)
    if row.shares:
        return f"{max(row.shares.values()):.1%}"
    return "–" if row.positive_rate is None else f"{row.positive_rate:.1%}"


def _drift(row: SprintStatus) -> Text:
    return Text(row.drift or "–", style=_DRIFT.get(row.drift or "", "dim"))


def _restated(row: SprintStatus) -> Text:
    times = f" {len(row.restated)}×" if len(row.restated) > 1 else ""
    return Text(f"restated{times}", style="yellow" if any(one["open"] for one in row.restated) else "dim")


def _done(row: SprintStatus, lead: str = "no: ") -> Text:
    if row.done:
        return Text("Done" + (f" ({len(row.waived)} waived)" if row.waived else ""), style="green")
    if str(row.state) == "planned" or not row.missing:
        return Text("–", style="dim")
    first = " ".join(row.missing[0].split(":")[0].split())
    more = f" and {len(row.missing) - 1} more" if len(row.missing) > 1 else ""
    return Text(f"{lead}{first}{more}", style="red" if str(row.state) in ("closed", "refused") else "yellow")


def _figure(value: Any) -> str:
    return "–" if value is None else measure(value)


def _decision(row: SprintStatus) -> Text:
    text = Text().append(row.decision or "", style="bold")
    return text.append(f" (trained: {row.trained})") if row.trained else text


def _decided(row: SprintStatus) -> Text:
    if row.decision is None and row.why is None:
        return Text("–", style="dim")
    text = Text() if row.failed else _decision(row)
    why, whole = brief(row.why or "")
    text.append(f"{': ' if text.plain and why else ''}{why}")
    return text if whole else text.append(f" {_MORE}", style="dim")
