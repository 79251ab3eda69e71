"""Who acts."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping


def person(by: str = "", tags: Mapping[str, str] | None = None) -> str:
    """Who acts: as it was said, else the run's user, else the user of the operating system."""
    named = by.strip() or (tags or {}).get("user", "").strip()
    if named:
        return str(named)
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return f"user {os.getuid()}"
