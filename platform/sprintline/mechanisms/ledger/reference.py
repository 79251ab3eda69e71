"""Reference page of the ledger: the catalogue of events."""

from __future__ import annotations

from pathlib import Path

from sprintline.base.words import table_cell
from sprintline.mechanisms.ledger.bodies import keys_of, spelled
from sprintline.mechanisms.ledger.events import EventKind, catalogue


def events_page(_root: Path) -> str:
    """Every kind of ledger event: its meaning, the keys of its body with their types, who writes and reads it."""
    kinds = catalogue().values()
    rows = "\n".join(f"| [`{one.kind}`](#{one.kind}) | {table_cell(one.meaning)} |" for one in kinds)
    parts = [
        "# Ledger events",
        "Every kind of event in the ledger, found as `EVENTS` in the `events.py` files. The ledger refuses an event of "
        "another kind, and a body with a missing key, an unknown key or a value of another type. Events of older "
        "versions may look different: they are read as they are. `sprintline ledger list` shows the events of your "
        "ledger.",
        f"| kind | meaning |\n|---|---|\n{rows}",
        *(_section(one) for one in kinds),
    ]
    return "\n\n".join(parts) + "\n"


def _section(one: EventKind) -> str:
    rows = (
        f"| `{key}`{'' if needed else ' (optional)'} | `{table_cell(spelled(hint))}` |"
        for key, (hint, needed) in keys_of(one.body).items()
    )
    table = "\n".join(["| key | type |", "|---|---|", *rows])
    written, read = _modules(one.written_by), _modules(one.read_by)
    notes = " ".join((one.body.__doc__ or "").split())
    return f"## {one.kind}\n\n{one.meaning}\n\n{table}\n\n{notes}\n\nWritten by {written}. Read by {read}."


def _modules(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "no part of the platform: it is for people"


SECTIONS = {"events.md": events_page}
