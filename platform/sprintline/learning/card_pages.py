"""A model card as Markdown: a table per section, each figure with where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_WIDEST = 80


def markdown(card: Mapping[str, Any]) -> str:
    """The card for people; its JSON holds every value in full."""
    return "\n".join(_lines(card)) + "\n"


def _lines(card: Mapping[str, Any]) -> Iterator[str]:
    yield f"# Model card: {card['product']} {card['model']}"
    yield ""
    yield f"Candidate of {card['sprint']}. Every figure is read from the record beside it; card {card['hash'][:12]}."
    yield from ("", "## Claims", "", "| claim | measured | from |", "| --- | --- | --- |")
    for one in card["claims"]:
        yield f"| {one['says']} | {_shown(one['value'])} | {_source(one)} |"
    for section in card["sections"]:
        changed = any("was" in one for one in section["figures"])
        yield from ("", f"## {section['title']}", "")
        yield "| | now | champion | from |" if changed else "| | | from |"
        yield "| --- | --- | --- | --- |" if changed else "| --- | --- | --- |"
        for one in section["figures"]:
            was = f" {_shown(one['was']['value'])} |" if changed else ""
            yield f"| {one['name']} | {_shown(one['value'])} |{was} {_source(one)} |"


def _source(one: Mapping[str, Any]) -> str:
    return f"{one['record']}: {'.'.join(one['path'])} ({str(one['hash'])[:8]})"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.replace("|", "\\|")
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
