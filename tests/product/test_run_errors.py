"""Why a run failed is told in one line, with file and line of the team's code, whatever it was wrapped into."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from sprintline.base import settings
from sprintline.lake.tables import LakeError
from sprintline.mechanisms.assets import in_words
from sprintline.product.run_errors import of_error
from sprintline.product.sensors import error_of

MODEL = "platform/products/bakery/model.py"


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as one:
        yield one


@pytest.fixture
def model(tmp_path, monkeypatch):
    """Writes the team's model.py and gives its namespace."""
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    file = tmp_path / MODEL
    file.parent.mkdir(parents=True)

    def write(text: str) -> dict:
        file.write_text(text)
        names: dict = {"__name__": "model"}
        exec(compile(text, str(file), "exec"), names)
        return names

    return write


def told(instance: dg.DagsterInstance, bake, home=None) -> str:
    """What is said of a run whose only step calls a function."""
    step = in_words(home)(lambda: bake()) if home else bake

    @dg.op(name="bake")
    def baking():
        step()

    @dg.job
    def bakery():
        baking()

    return str(
        error_of(instance, bakery.execute_in_process(instance=instance, raise_on_error=False).dagster_run)
    )


def raising(error: Exception, cause: Exception | None = None):
    def bake():
        raise error from cause

    return bake


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no\nsuch  column"), "bake: OSError: what a library says of it"),
        (dg.Failure("flour is out"), "bake: flour is out"),
        (LakeError("lake table a/b: free the disk"), "bake: lake table a/b: free the disk"),
    ],
)
def test_the_platforms_words_or_else_the_innermost_cause(instance, error, said):
    assert told(instance, raising(error, OSError("what a library says of it"))) == said


def test_the_teams_line_is_named(instance, model):
    recipe = model("def recipe():\n    depth = {}\n    return depth['trees']\n")["recipe"]
    assert told(instance, recipe) == f"{MODEL}:3: KeyError: 'trees' (step bake)"


def test_an_error_in_a_library_is_of_the_line_that_called_it(instance, model):
    recipe = model("import json\ndef recipe():\n    return json.loads('{')\n")["recipe"]
    assert told(instance, recipe).startswith(f"{MODEL}:3: JSONDecodeError: ")


def test_of_two_causes_the_inner_one_is_shown_with_what_the_team_made_of_it(instance, model):
    text = "def recipe():\n    try:\n        {}['trees']\n"
    text += "    except KeyError as error:\n        raise ValueError('no recipe')"
    for chained in (" from error", ""):
        recipe = model(text + chained)["recipe"]
        assert (
            told(instance, recipe)
            == f"{MODEL}:3: ValueError: no recipe; because KeyError: 'trees' (step bake)"
        )


def test_what_the_platform_makes_of_it_hides_neither_cause_nor_line(instance, model):
    recipe = model("def recipe():\n    return {}['trees']\n")["recipe"]

    def bake():
        try:
            recipe()
        except KeyError as error:
            raise LakeError("the lake was not written") from error

    assert (
        told(instance, bake) == f"{MODEL}:2: the lake was not written; because KeyError: 'trees' (step bake)"
    )


def test_a_platform_error_that_the_recipe_caused_is_told_with_the_recipes_line(instance, model):
    recipe = model("from sprintline.learning.recipes import Inputs\ndef recipe():\n    return Inputs(())\n")[
        "recipe"
    ]
    said = told(instance, recipe)
    assert said == f"{MODEL}:3: a model needs at least one column (step bake)"


def test_an_error_of_a_child_process_keeps_the_childs_line(instance, model):
    model("def work(n):\n    return 1 / n\n")

    def bake():
        with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
            pool.submit(_in_child, str(settings.ROOT / MODEL)).result()

    assert told(instance, bake) == f"{MODEL}:2: ZeroDivisionError: division by zero (step bake)"


def _in_child(file: str) -> None:
    names: dict = {}
    exec(compile(Path(file).read_text(), file, "exec"), names)
    names["work"](0)


def test_what_a_child_program_printed_is_told(instance, model, home):
    model("")
    file = settings.ROOT / MODEL
    file.write_text("raise RuntimeError('no oven')\n")

    def bake():
        subprocess.run([sys.executable, str(file)], check=True, capture_output=True, text=True)

    said = told(instance, bake, SimpleNamespace(home=home))
    assert "RuntimeError: no oven" in said and f"{file.relative_to(settings.ROOT)}:1" in said, said


def test_a_file_that_is_no_python_is_told_by_its_line(instance, model):
    def bake():
        model("def recipe(:\n    pass\n")

    assert told(instance, bake) == f"{MODEL}:1: SyntaxError: invalid syntax (step bake)"


def test_a_run_that_ended_before_any_step_says_why(instance):
    @dg.job
    def bakery():
        pass

    run = instance.create_run_for_job(bakery)
    instance.report_run_failed(run, "the run's worker process is gone: it was killed or it crashed")
    assert "worker process is gone" in str(error_of(instance, instance.get_run_by_id(run.run_id)))


def test_checks_that_stop_a_run_are_told_with_what_they_say(instance):
    key = dg.AssetKey(["bakery", "bread"])

    @dg.asset(key=key, check_specs=[dg.AssetCheckSpec("DQ101_fresh", asset=key, blocking=True)])
    def bread():
        yield dg.MaterializeResult()
        yield dg.AssetCheckResult(passed=False, check_name="DQ101_fresh", description="S01 fails: 3 are old.")

    run = dg.materialize([bread], instance=instance, raise_on_error=False).dagster_run
    assert str(error_of(instance, run)) == "bakery__bread: DQ101 on bread: S01 fails: 3 are old."


def test_only_dagsters_own_error_is_better_than_none():
    from dagster._utils.error import SerializableErrorInfo

    alone = SerializableErrorInfo(
        "dagster._core.errors.DagsterInvariantError: no such job\n", [], "DagsterInvariantError"
    )
    assert str(of_error(alone)) == "DagsterInvariantError: no such job"
