"""How commands fail: one sentence with place and fix, an exit code, and no traceback unless SPRINTLINE_DEBUG=1."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import click

from sprintline.base import settings
from sprintline.base.places import team_place

#: What the exit codes mean; `sprintline --help` shows this.
EXIT_CODES = """\
Exit codes: 0 done; 1 failed (a check found mistakes, the ledger is not intact, a product does not load, or the work
could not be done); 2 the command was called wrongly; 130 interrupted. SPRINTLINE_DEBUG=1 shows an error's traceback."""

#: Errors of these packages are written for people already; anything else is named by type and place.
_OURS = "sprintline."


class Refusal(click.ClickException):
    """A command cannot go on. The message is one sentence with place and fix."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc]  # click reads it from the instance as well

    def show(self, file: object = None) -> None:
        click.echo(f"sprintline: {settings.without_secrets(self.message)}", err=True)


def debugging() -> bool:
    """Whether errors are shown with their traceback."""
    return settings.read("SPRINTLINE_DEBUG") not in ("", "0")


def error_text(error: BaseException, root: Path | None = None) -> str:
    """An error in one sentence; paths inside the clone are shown from its root."""
    if type(error).__module__.startswith(_OURS) or isinstance(error, click.ClickException):
        text = str(error)
        # What the platform refuses may have been called by the team's own code, which its message cannot know.
        frames = [(one.filename, one.lineno or 1) for one in traceback.extract_tb(error.__traceback__)]
        if (place := team_place(frames, root)) and place.partition(":")[0] not in text:
            text = f"{place}: {text}"
    elif isinstance(error, SyntaxError):
        text = f"{error.filename}:{error.lineno}: {error.msg}; fix the line"
    elif isinstance(error, OSError) and error.filename:
        text = f"{error.filename}: {error.strerror or error}; is it there, and may it be read?"
    elif isinstance(error, ModuleNotFoundError):
        text = f"{_place(error)}{error}; add it to pyproject.toml, then `make lock` and `make setup`, or fix the import"
    else:
        text = f"{_place(error)}{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
    text = settings.without_secrets(text)
    return text.replace(f"{root}{os.sep}", "") if root else text


def ends_the_process(ended: SystemExit) -> str:
    """What is wrong with a team's file that exits while it is loaded: whatever loads it would end, and say nothing."""
    return f"ends the process ({ended!r}): take the exit out, and raise an error instead"


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if f"{os.sep}site-packages{os.sep}" not in frame.filename]
    return f"{own[-1].filename}:{own[-1].lineno}: " if own else ""
