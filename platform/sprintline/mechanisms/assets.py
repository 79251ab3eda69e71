"""What every step of every asset shares: failures in words, and who acts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import dagster as dg

from sprintline.base.disk import full_disk
from sprintline.base.steps import StepFailed
from sprintline.mechanisms.context import Context

Step = Callable[..., Any]


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
        raise


def actor(context: Any) -> str:
    """Who acts: the sensor that asked for the run, or whoever launched it."""
    tags = context.run.tags
    return (
        tags.get("dagster/sensor_name")
        or tags.get("user")
        or ("backfill" if "dagster/backfill" in tags else "person")
    )
