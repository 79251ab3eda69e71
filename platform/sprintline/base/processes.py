"""Who works on a state folder now."""

from __future__ import annotations

import os
from pathlib import Path

from sprintline.base.settings import Home

_WORDS = ("dagster", "sprintline", "/dg")


def working_on(home: Home) -> dict[int, str]:
    """Process id and command of every Python process of Sprintline's or Dagster's on this folder, but not the caller.

    All that `sprintline ui` or `replay` starts is given the folder in its environment, and Linux shows that. A shell or
    an editor in which somebody exported `SPRINTLINE_HOME` does no harm and is not told. Elsewhere nothing is found.
    """
    marks = {f"SPRINTLINE_HOME={home.root}".encode(), f"DAGSTER_HOME={home.dagster}".encode()}
    mine, found = _ancestry(), {}
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) in mine:
            continue
        try:
            if marks.isdisjoint((folder / "environ").read_bytes().split(b"\0")):
                continue
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            python = (folder / "exe").resolve().name.startswith("python")
        except OSError:
            continue  # it ended meanwhile, or is somebody else's
        if python and any(word in command for word in _WORDS):
            found[int(folder.name)] = command
    return found


def _ancestry() -> set[int]:
    """This process and all it was started by."""
    found, pid = set(), os.getpid()
    while pid > 1:
        found.add(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
    return found
