"""A recipe's inputs held against what the product gives: columns of its questions, and features of its service."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from sprintline.learning.recipes import Inputs
from sprintline.mechanisms.declaration.located_yaml import closest

NO_NUMBERS = frozenset({"text", "moment"})
"""Kinds of features (words of `features.frame_checks`) that no model reads as a number."""


def wrong_inputs(
    inputs: Inputs,
    file: Path,
    shown: str,
    questions: Collection[str],
    features: Mapping[str, str],
    label: str,
    service: str,
    asked: str,
) -> Iterator[str]:
    """A line `file:line: what is wrong; what would be right` for each input that the model cannot have.

    Args:
        inputs: of the recipe.
        file, shown: the product's model.py, and how messages name it.
        questions: columns of the mart of questions.
        features: kind by feature of the service.
        label: the column with the answer.
        service, asked: names of the service and of that mart.
    """
    text = file.read_text(encoding="utf-8")
    known = {*questions, *features}
    for name in inputs.names:
        place = f"{shown}:{line_of(text, name)}"
        if name == label:
            yield (
                f"{place}: the input {name} is the label itself: the model would read its own answer; take it out of "
                f"the inputs"
            )
        elif name not in known:
            near = closest(name, sorted(known))
            right = f"did you mean {near}?" if near else "add it to one of them, or take it out of the inputs"
            yield f"{place}: no view of {service} and no column of {asked} gives the input {name}; {right}"
        elif name in inputs.numeric and features.get(name) in NO_NUMBERS:
            yield (
                f"{place}: the numeric input {name} is declared as {features[name]} in its view; make it categorical, "
                f"or declare a number there"
            )


def line_of(text: str, name: str) -> int:
    """The first line of a Python file that has a name in quotes; 1 where none has."""
    quoted = re.compile(rf"[\"']{re.escape(name)}[\"']")
    return next((number for number, line in enumerate(text.splitlines(), 1) if quoted.search(line)), 1)
