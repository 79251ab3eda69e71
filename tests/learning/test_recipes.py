"""What goes wrong with a recipe names the recipe's file and line, wherever it was raised."""

from __future__ import annotations

from types import ModuleType

import pytest

from sprintline.base import settings
from sprintline.learning.recipes import Inputs, RecipeError, failing_as_recipe
from sprintline.learning.training import TrainingError

PLACE = "platform/products/bakery/model.py"


@pytest.fixture
def model(tmp_path, monkeypatch) -> ModuleType:
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    module = ModuleType("model")
    module.__file__ = str(tmp_path / PLACE)
    text = "\n\ndef recipe():\n    pass\ndef build(seed):\n    return {}[seed]\n"
    exec(compile(text, module.__file__, "exec"), module.__dict__)
    return module


def fail(model: ModuleType, error: Exception) -> None:
    with failing_as_recipe(model):
        raise error


def test_an_error_of_a_library_is_of_the_recipe_that_asked_for_it(model):
    told = rf"^{PLACE}:3: training with this recipe failed: ValueError: max_depth is -1"
    with pytest.raises(RecipeError, match=told):
        fail(model, ValueError("max_depth is -1"))


def test_a_frame_that_does_not_fit_the_recipe_is_told_with_its_file(model):
    import pandas as pd

    with pytest.raises(RecipeError, match=rf"^{PLACE}:3: .*does not have moon"), failing_as_recipe(model):
        Inputs(("moon",)).numbers(pd.DataFrame({"sun": [1]}))


def test_an_error_in_the_teams_own_line_stays_as_it_is(model):
    with pytest.raises(KeyError), failing_as_recipe(model):
        model.build(7)


@pytest.mark.parametrize(
    "error", [TrainingError("no labelled questions"), OSError(28, "disk full"), MemoryError()]
)
def test_what_no_recipe_caused_is_not_put_on_it(model, error):
    with pytest.raises(type(error)) as raised:
        fail(model, error)
    assert raised.value is error
