"""The terminal that commands print to."""

from __future__ import annotations

from rich.console import Console


def console() -> Console:
    """A console that keeps lines whole when the output is piped: eighty columns would break every cell."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=max(found.width, 150))
