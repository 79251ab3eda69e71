"""A recipe tried before anything trains: looked up in the tables, fitted on invented rows, exported and compared."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.hashing import bytes_hash, text_hash
from sprintline.learning import boosters
from sprintline.learning.recipes import Inputs, Recipe, RecipeError

if TYPE_CHECKING:
    from sprintline.learning.synthetic_rows import Answer
    from sprintline.learning.tasks.task import Task

ROWS, SEED = 300, 7
LIMIT = 1e-5
"""The largest difference that is served: of probabilities, or in standard deviations of the answer (ML402)."""

_FEW = {"n_estimators": 20, "max_iter": 30}
"""Trees that are enough to see how an ensemble is exported."""


@dataclass(frozen=True)
class Objection:
    """Why a pipeline of a recipe would not be served exactly. words: what to look for in the recipe, nearest first."""

    which: str
    text: str
    words: tuple[str, ...] = ()

    def line(self, source: str) -> int:
        """The line of a recipe's source that it is about; that of `recipe` where no word is found."""
        lines = source.splitlines()
        for word in (*self.words, "def recipe"):
            pattern = re.compile(rf"(?<![\w.]){re.escape(word)}(?!\w)")
            for number, line in enumerate(lines, 1):
                if pattern.search(line) and not line.lstrip().startswith(("from ", "import ", "#")):
                    return number
        return 1


def objections(recipe: Recipe, answer: Answer | None = None, task: Task | None = None) -> list[Objection]:
    """Why model or twin of a recipe would not be served exactly; empty when nothing was found.

    answer: what the model is trained to answer; without it, a classifier is tried on two classes and a regressor on
    numbers. task: that of the product, which model and twin have to suit. Raises what the recipe's own code raises.
    """
    found = []
    for which, build in (("model", recipe.build), ("twin", recipe.twin)):
        if task and (text := task.unsuited(pipeline := build(SEED))):
            found.append(Objection(which, text, (type(pipeline[-1]).__name__,)))
            continue
        answers = answer or (task.tried_on if task else None)
        found += [Objection(which, text, words) for text, words in _objections(recipe, build, answers)]
    return found


def code_tried(folder: Path) -> str:
    """Hash of all that a trial of a product's recipe depends on: the product's code, the platform's, the libraries."""
    from importlib.metadata import distributions

    from sprintline.learning import exporters, parity, synthetic_rows

    ours = (Path(__file__), Path(str(parity.__file__)), Path(str(synthetic_rows.__file__)))
    files = [*sorted(folder.glob("**/*.py")), *exporters.code_files().values(), *ours]
    installed = sorted({f"{one.name}=={one.version}" for one in distributions()})
    return text_hash("\n".join([*(bytes_hash(file.read_bytes()) for file in files), *installed]))


def must_be_served(task: Task | None, *pipelines: Any, own: Any = None) -> None:
    """Raises RecipeError for a pipeline that does not suit the task or that the tables refuse. It costs nothing;
    `objections` also tries.

    own: the exporter of the product, if it has one.
    """
    from sprintline.learning.exporters import refusals

    for pipeline in pipelines:
        if task and (text := task.unsuited(pipeline)):
            raise RecipeError(text)
        for one in refusals(pipeline, own):
            raise RecipeError(f"{one} (sprintline check names the line)")


def _objections(
    recipe: Recipe, build: Callable[[int], Any], answer: Answer | None
) -> Iterator[tuple[str, tuple[str, ...]]]:
    from threadpoolctl import threadpool_limits

    from sprintline.learning.exporters import refusals

    pipeline = build(SEED)
    if found := refusals(pipeline, recipe.exporter):
        for one in found:
            yield str(one), (one.parameter.partition("=")[0], one.name) if one.parameter else (one.name,)
        return
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few rows and trees: of course it does not converge
        text = _tried(_small(pipeline), recipe.inputs, answer, recipe.exporter)
    if text:
        yield text, (type(pipeline[-1]).__name__,)


def _small(pipeline: Any) -> Any:
    """The pipeline with fewer trees; other limits stay, because a line must converge to be judged."""
    for name, value in pipeline.get_params().items():
        last = name.rpartition("__")[2]
        owner = pipeline.get_params()[name.rpartition("__")[0]] if "__" in name else pipeline
        trees = last == "n_estimators" or type(owner).__name__.startswith("HistGradientBoosting")
        if last in _FEW and trees and isinstance(value, int) and value > _FEW[last]:
            pipeline.set_params(**{name: _FEW[last]})
    boosters.without_stopping(pipeline[-1])
    return pipeline


def _tried(pipeline: Any, inputs: Inputs, answer: Answer | None, own: Any) -> str:
    """What goes wrong when a pipeline is fitted, exported, compared and saved; empty when nothing does."""
    import pandas as pd
    from sklearn.base import is_classifier

    from sprintline.learning.exporters import asked_types, export, reviewed_types
    from sprintline.learning.parity import answers, largest_difference, onnx_answers
    from sprintline.learning.synthetic_rows import answers_for, awkward, invented

    name, classes = type(pipeline[-1]).__name__, is_classifier(pipeline)
    frame = invented(inputs, ROWS, SEED)
    label = answers_for(frame, inputs, answer or ("two classes" if classes else "number"), SEED)
    asked = pd.concat([awkward(inputs, ROWS, SEED + 1), frame], ignore_index=True)
    try:
        pipeline.fit(inputs.prepare(frame), label)
        theirs = answers(pipeline, inputs.prepare(asked))
    except ValueError as error:
        return (
            f"{name} cannot be fitted on or answer {ROWS} invented rows with nulls and unseen categories "
            f"({_first(error)}): put a SimpleImputer or handle_unknown into the recipe"
        )
    try:
        ours = onnx_answers(export(pipeline, inputs, own), inputs, asked)
    except Exception as error:  # noqa: BLE001 - whatever a converter or the runtime raises: it cannot be served
        return f"{name} and its steps have no export ({_first(error)}); use those of docs/reference/estimators.md"
    difference = largest_difference(theirs, ours, None if classes else float(label.std()))
    if difference > LIMIT:
        of = "" if classes else " standard deviations"
        return (
            f"what would be served answers otherwise than {name} and its steps: by {difference:.1e}{of} on "
            f"{len(asked)} invented rows, {LIMIT:.0e} is the limit; use those of docs/reference/estimators.md"
        )
    if names := sorted(asked_types(pipeline) - reviewed_types(own)):
        return (
            f"the pipeline contains {', '.join(names)}, which may not be loaded; use steps of "
            "docs/reference/estimators.md"
        )
    return ""


def _first(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).strip() or 'no reason given').splitlines()[0][:160]}"
