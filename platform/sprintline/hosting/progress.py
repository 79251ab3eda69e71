"""How a replay reports to whoever watches it: a bar on a terminal, lines in a pipe or a log."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    import rich.progress


class Progress(Protocol):
    """What a replay reports to whoever watches it."""

    def doing(self, closed: int, text: str) -> None:
        """What is worked on now, and how many sprints are closed."""

    def sprint_closed(self, text: str, closed: int, seconds: float) -> None:
        """A sprint has closed, so many seconds after its files landed."""

    def said(self, text: str) -> None:
        """Something to be read now, such as a run that failed."""


@contextlib.contextmanager
def progress_of(landing: str, total: int) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere, in a pipe or a CI log, a line per closed sprint."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        click.echo(landing)
        yield _Lines(total)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as RichProgress

    # Columns in order of their use, so that an eye following the bar sees what is worked on.
    bar = RichProgress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    with bar:
        yield _Bar(bar, bar.add_task(landing, total=total))


class _Bar:
    def __init__(self, bar: rich.progress.Progress, task: rich.progress.TaskID) -> None:
        self._bar, self._task = bar, task

    def doing(self, closed: int, text: str) -> None:
        self._bar.update(self._task, completed=closed, description=text)

    def sprint_closed(self, text: str, closed: int, seconds: float) -> None:
        self._bar.update(self._task, completed=closed)

    def said(self, text: str) -> None:
        self._bar.console.print(text, soft_wrap=True, markup=False, highlight=False)


class _Lines:
    def __init__(self, total: int) -> None:
        self._total = total

    def doing(self, closed: int, text: str) -> None:
        pass

    def sprint_closed(self, text: str, closed: int, seconds: float) -> None:
        click.echo(f"{text} closed ({closed} of {self._total}), {seconds:.0f} s")

    def said(self, text: str) -> None:
        click.echo(text)
