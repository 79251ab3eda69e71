"""Files of the team's own code, as messages name them: `platform/products/parcels/model.py:31`.

A product is declarations, a recipe, SQL and contracts; whatever fails in a library or in the platform was usually
caused there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sprintline.base import settings

TEAM = ("platform/products", "dbt_project", "feature_repo")
"""Folders of the clone that hold the team's code."""

Frame = tuple[str, int]
"""A file as a traceback names it, and a line."""

_FRAME = re.compile(r'File "(?P<file>[^"\n]+)", line (?P<line>\d+)')
_NAMED = re.compile(
    rf"(?:^|[\s('\"/])(?P<file>(?:{'|'.join(TEAM)}|models|macros)/[\w./-]+\.(?:py|sql|ya?ml))(?::(?P<line>\d+))?"
)


def frames_in(text: str) -> list[Frame]:
    """The frames of a traceback that was written down, the outermost first."""
    return [(found["file"], int(found["line"])) for found in _FRAME.finditer(text)]


def shown(file: str | Path, root: Path | None = None) -> str:
    """How messages name a file: from the clone's root."""
    path, root = Path(file), root or settings.ROOT
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def team_place(frames: Iterable[Frame], root: Path | None = None) -> str:
    """`file:line` of the innermost frame that is the team's code; empty when none is."""
    root = root or settings.ROOT
    return _innermost(frames, [root / name for name in TEAM], root)


def own_place(frames: Iterable[Frame], root: Path | None = None) -> str:
    """`file:line` of the innermost frame in the clone, the platform's own code too; empty when none is."""
    root = root or settings.ROOT
    return _innermost(frames, [root / "platform", *(root / name for name in TEAM)], root)


def place_in(text: str) -> str:
    """The first file of the team's code that a message names, with its line where it names one; else empty."""
    return next(_named(text), "")


def _named(text: str) -> Iterator[str]:
    for found in _NAMED.finditer(text):
        # dbt names its files from its own folder.
        folder = "dbt_project/" if found["file"].startswith(("models/", "macros/")) else ""
        yield f"{folder}{found['file']}{':' + found['line'] if found['line'] else ''}"


def _innermost(frames: Iterable[Frame], folders: Iterable[Path], root: Path) -> str:
    within = tuple(f"{folder}{os.sep}" for folder in folders)
    own = [frame for frame in frames if frame[0].startswith(within)]
    return f"{shown(own[-1][0], root)}:{own[-1][1]}" if own else ""
