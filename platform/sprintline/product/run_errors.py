"""Why a run failed: one line, with file and line of the team's code that caused it.

Dagster keeps an error as text: message, stack and the error behind it. The outermost says which step failed, the next
what the platform or a library made of it, the innermost what happened; a child process adds its traceback as text.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sprintline.base import settings
from sprintline.base.places import Frame, frames_in, own_place, place_in, team_place

MOST_SAID = 500
"""Most characters of an error that are repeated elsewhere; the run itself has the full text."""

_OURS = "sprintline."
_CHILD = "RemoteTraceback"
"""Ending of the class that carries the traceback of a child process (multiprocessing, joblib)."""


class Recorded(Protocol):
    """An error as Dagster records it (`SerializableErrorInfo`)."""

    @property
    def message(self) -> str: ...

    @property
    def stack(self) -> Sequence[str]: ...

    @property
    def cls_name(self) -> str | None: ...

    @property
    def cause(self) -> Any: ...

    @property
    def context(self) -> Any: ...


@dataclass(frozen=True)
class RunError:
    """Why a run failed.

    what: in one line. place: `file:line` in the clone, empty when no file is known. step: at which step of the run,
    empty when none had started.
    """

    what: str
    place: str = ""
    step: str = ""

    def __str__(self) -> str:
        if not self.place:
            return f"{self.step}: {self.what}" if self.step else self.what
        told = self.what if self.place in self.what else f"{self.place}: {self.what}"
        return f"{told} (step {self.step})" if self.step else told

    def because_of(self, changed: Sequence[str]) -> RunError:
        """The same with the declarations first that changed under closed sprints, where it does not name them."""
        new = [one for one in changed if one not in self.what]
        if not new:
            return self
        what = f"{'; '.join(new)}. What failed: {RunError(self.what, self.place)}"
        return RunError(what, place_in(what) or self.place, self.step)


@dataclass(frozen=True)
class _Link:
    """One error of a chain. text: its message without the class. frames: of its stack, the child process's too."""

    cls: str
    text: str
    ours: bool
    dagsters: bool
    frames: tuple[Frame, ...]

    @property
    def typed(self) -> str:
        return self.text if self.ours else f"{self.cls}: {self.text}" if self.text else self.cls


def of_error(error: Recorded, step: str = "", said: str | None = None) -> RunError:
    """An error in one line.

    Of a chain, the platform's own message is repeated, for it names the fix; else the innermost error, and before it
    the one that the team's code made of it. What happened in the team's code is never left out.

    said: what the step itself says of it, in place of the chain's first message.
    """
    whole = list(_chain(error))
    # Dagster's own errors only wrap others, unless there is nothing else.
    chain = [link for link in whole if not link.dagsters] or whole[-1:]
    what = _what(chain, said)
    place = next((at for link in reversed(chain) if (at := team_place(link.frames))), "")
    place = place or place_in(what) or next((at for link in chain if (at := place_in(link.text))), "")
    if not place and not said and not any(link.ours for link in chain):
        place = next((at for link in reversed(chain) if (at := own_place(link.frames))), "")
    return RunError(_line(what), place, step)


def _what(chain: Sequence[_Link], said: str | None) -> str:
    root = chain[-1]
    caused = not root.ours and bool(team_place(root.frames))
    head = said or next((link.text for link in chain if link.ours), "")
    if head:
        return f"{head}; because {root.typed}" if caused and root.text not in head else head
    first = chain[0]
    if first is not root and team_place(first.frames):
        return f"{first.typed}; because {root.typed}"
    return root.typed


def _chain(error: Recorded) -> Iterator[_Link]:
    """From the outermost error in."""
    found: Recorded | None = error
    while found is not None:
        behind = found.cause or found.context
        frames = frames_in("".join(found.stack))
        if behind is not None and str(behind.cls_name or "").endswith(_CHILD):
            frames += frames_in(behind.message)
            behind = behind.cause or behind.context
        yield _link(found, frames)
        found = behind


def _link(error: Recorded, frames: list[Frame]) -> _Link:
    message, cls = error.message.strip(), str(error.cls_name or "").rpartition(".")[2]
    inside = frames_in(message)  # a syntax error's own place, and what a child process printed
    named, _, text = message.partition(": ")
    if cls and named.rpartition(".")[2] != cls:
        if message == cls or message.rpartition(".")[2] == cls:
            text = ""
        else:  # a syntax error is preceded by its line
            text = message.rpartition(f"{cls}: ")[2]
    before, traced, after = text.partition("Traceback (most recent call last)")
    if traced:  # of what a child process printed, its error is the last line
        text = f"{before.strip()} {after.strip().splitlines()[-1].strip()}"
    dagsters = message.startswith("dagster") or cls.startswith("Dagster")
    return _Link(cls, text.strip(), message.startswith(_OURS), dagsters, (*frames, *inside))


def _line(text: str) -> str:
    line = " ".join(text.replace(f"{settings.ROOT}{os.sep}", "").split())
    return line if len(line) <= MOST_SAID else f"{line[: MOST_SAID - 1].rstrip()}…"
