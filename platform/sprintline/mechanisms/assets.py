"""What every step of every asset shares: failures in words, and who acts."""

from __future__ import annotations

import inspect
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import dagster as dg

from sprintline.base.disk import full_disk
from sprintline.base.steps import StepFailed
from sprintline.mechanisms.context import Context

Step = Callable[..., Any]

_LAST_LINES = 12
"""Lines of a failed program's output that are kept with its error."""


def in_words(context: Context) -> Callable[[Step], Step]:
    """Let an asset or check fail with a sentence that says what to do, and not be tried again.

    That is so for what raises `StepFailed`, and for a full disk, whoever met it.
    """

    def decorate(step: Step) -> Step:
        if inspect.isgeneratorfunction(step):

            @wraps(step)
            def wrapped(*given: Any) -> Iterator[Any]:
                with _failures_in_words(context):
                    yield from step(*given)
        else:

            @wraps(step)
            def wrapped(*given: Any) -> Any:
                with _failures_in_words(context):
                    return step(*given)

        return wrapped

    return decorate


@contextmanager
def _failures_in_words(context: Context) -> Iterator[None]:
    try:
        yield
    except StepFailed as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    except Exception as error:
        if why := full_disk(error, context.home.root):
            raise dg.Failure(why, allow_retries=False) from error
        _with_output(error)
        raise


def _with_output(error: BaseException) -> None:
    """Add to an error what the program printed whose failure it is: its message has only the exit code."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, subprocess.CalledProcessError) and (printed := behind.stderr or behind.output):
            text = printed.decode(errors="replace") if isinstance(printed, bytes) else str(printed)
            behind.add_note("\n".join(text.strip().splitlines()[-_LAST_LINES:]))
        behind = behind.__cause__ or behind.__context__


def actor(context: Any) -> str:
    """Who acts: the sensor that asked for the run, or whoever launched it."""
    tags = context.run.tags
    return (
        tags.get("dagster/sensor_name")
        or tags.get("user")
        or ("backfill" if "dagster/backfill" in tags else "person")
    )
