"""Inputs that are computed from the answer: what a model reads must be known when its question is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sprintline.landing.contracts import AT_QUESTION
from sprintline.landing.empty_rows import SourceColumns
from sprintline.learning.inputs_declared import line_of
from sprintline.product.spec import ModelSpec
from sprintline.warehouse.dry_run import DryRun

_OF_EVERY_ROW = frozenset({"event_at", "sprint"})


def computed_from_the_answer(
    run: DryRun,
    model: ModelSpec,
    columns: Mapping[str, SourceColumns],
    inputs: Sequence[str],
    file: Path,
    shown: str,
) -> Iterator[str]:
    """A line for each input among the columns of the questions whose values come from a column that makes the answer.

    Only columns count that are known later than the question by their contract: an answer may well depend on what was
    promised, and a feature may depend on the answers of earlier questions.

    Args:
        run: the models bound to empty tables.
        model: which mart has the questions, which the answers, and its column.
        columns: of each source.
        inputs: columns of the mart of questions that the model reads.
        file, shown: the product's model.py, and how messages name it.
    """
    if model.outcomes not in run.bound or model.label not in run.columns(model.outcomes):
        return
    answer = {
        (source, column)
        for source, column in run.reads(model.outcomes, model.label)
        if source in columns and _known_later(columns[source], column)
    }
    if not answer:
        return
    # Columns by which questions are joined or selected are read for every one of their columns.
    joined = (
        run.reads(model.questions, "question_id") if "question_id" in run.columns(model.questions) else set()
    )
    text = file.read_text(encoding="utf-8")
    for name in inputs:
        found = sorted((run.reads(model.questions, name) - joined) & answer)
        if found:
            source, column = found[0]
            yield (
                f"{shown}:{line_of(text, name)}: the input {name} of {model.questions} is computed from {column} of "
                f"{source}, which makes the label {model.label} ({columns[source].place(column)}): it is not known "
                f"when "
                f"the question is asked; take it out of the inputs, or declare there that it is (knownAt: question)"
            )


def _known_later(source: SourceColumns, column: str) -> bool:
    """Whether a contract lets a column be known after its row's question was asked."""
    contract = source.contract
    if column in _OF_EVERY_ROW or column in contract.key or column == contract.event_at:
        return False
    if contract.event_at is not None and contract.event_at == contract.known_at:
        return False  # rows are known when they happen
    return all(one.known_at != AT_QUESTION for one in contract.columns if one.name == column)
