"""`sprintline notebook`: the recipe goes out into a cell and comes back as model.py, or nothing changes."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from tests.clones import PRODUCT, new_clone, put_back

from sprintline.base import settings
from sprintline.cli.main import cli
from sprintline.scaffold.notebook import place_of


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return new_clone(tmp_path_factory.mktemp("clone"))


@pytest.fixture
def clone(root, monkeypatch):
    monkeypatch.setattr(settings, "ROOT", root)
    monkeypatch.setenv("SPRINTLINE_HOME", str(root / "home"))
    with put_back(root):
        yield root
    place_of(PRODUCT, root).unlink(missing_ok=True)


def call(*arguments, code=0):
    done = CliRunner().invoke(cli, ["notebook", PRODUCT, *arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def model(clone):
    return clone / "platform" / "products" / PRODUCT / "model.py"


def change(clone, old, new):
    place = place_of(PRODUCT, clone)
    assert old in place.read_text()
    place.write_text(place.read_text().replace(old, new))


@pytest.mark.slow  # two checks of the product, each with a parse by dbt
def test_out_and_back_is_the_same_file_and_a_change_comes_with_it(clone):
    before = model(clone).read_text()
    assert f"Wrote notebooks/{PRODUCT}.py" in call()
    compile(place_of(PRODUCT, clone).read_text(), "notebook", "exec")
    assert "is the notebook's recipe already" in call("--bring-back") and model(clone).read_text() == before
    change(clone, '"C": 0.3', '"C": 0.7')
    assert f"Wrote platform/products/{PRODUCT}/model.py" in call("--bring-back")
    assert model(clone).read_text() == before.replace('"C": 0.3', '"C": 0.7')


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "def recipe() -> Recipe:",
            "def another() -> Recipe:",
            "has no function recipe() that returns a Recipe",
        ),
        ("    return Recipe(", "    return print(", "cannot be used (TypeError"),
        ("TWIN = {", "TWIN = {{", "cannot be used (SyntaxError"),
        (
            "    from sklearn.pipeline import Pipeline",
            "    from sklearn.pipelin import Pipeline",
            "cannot be used (Module",
        ),
        ("# %% [recipe]", "# %% recipe", "has 0 cells"),
        ("# %% A trial", "# %% [recipe]\n# %% A trial", "has 2 cells"),
    ],
)
def test_what_makes_no_recipe_changes_nothing(clone, old, new, words):
    call()
    before = model(clone).read_bytes()
    change(clone, old, new)
    assert words in " ".join(call("--bring-back", code=2 if "cells" in words else 1).split())
    assert model(clone).read_bytes() == before


def test_a_column_that_nothing_gives_is_a_mistake_of_the_product_and_changes_nothing(clone):
    call()
    before = model(clone).read_bytes()
    change(clone, 'CATEGORICAL = ("courier", "district")', 'CATEGORICAL = ("courier", "districts")')
    assert "districts" in call("--bring-back", code=1) and model(clone).read_bytes() == before


def test_a_notebook_is_never_overwritten_and_a_missing_one_is_named(clone):
    assert "does not exist" in call("--bring-back", code=2)
    call()
    place_of(PRODUCT, clone).write_text("my own work")
    assert "already exists" in call(code=2) and place_of(PRODUCT, clone).read_text() == "my own work"
