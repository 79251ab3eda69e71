"""A declaration file is added by new files only: a package beside the platform, and the product's own plan.yaml."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from sprintline.base.settings import ROOT
from sprintline.scaffold.create import create_product

PACKAGE = {
    "__init__.py": "",
    "spec.py": '''
from pydantic import Field

from sprintline.mechanisms.declaration.declarations import Declaration
from sprintline.mechanisms.declaration.spec import Spec
from sprintline.mechanisms.declaration.types import SprintKey, Words


class Goal(Spec):
    """What a sprint is for."""

    sprint: SprintKey = Field(description="the sprint", examples=["2013-S01"])
    goal: Words = Field(description="what it is for", examples=["fewer late parcels"])
    points: int = Field(default=0, ge=0, description="how much work it is", examples=[5])


class PlanSpec(Spec):
    """The file."""

    goals: list[Goal] = Field(description="goals of sprints", examples=[[{"sprint": "2013-S01", "goal": "late"}]])


DECLARATIONS = (Declaration(file="plan.yaml", title="goals of the next sprints", spec=PlanSpec),)
''',
    "evidence.py": '''
from planning.spec import PlanSpec

from sprintline.base.hashing import text_hash
from sprintline.mechanisms.rules.kinds import AssetKind, NoFacts


def _gather(runtime, asset, sprint):
    goals = [one.goal for one in runtime.declared(PlanSpec).goals if one.sprint == sprint]
    return {"goals": len(goals)}, text_hash(str(goals))


KINDS = (
    AssetKind(
        name="plan",
        reads="the product's plan.yaml",
        assets=lambda runtime: ("plan",) if runtime.declares(PlanSpec) else (),
        facts=NoFacts,
        gather=_gather,
    ),
)
''',
    "rules.py": '''
from planning.spec import PlanSpec

from sprintline.mechanisms.declaration.declarations import declares
from sprintline.mechanisms.rules.verdicts import Rule, failed, need, passed


def _has_goal(evidence, _line):
    goals = need(evidence, "goals")
    return (passed if goals else failed)(f"{goals} goals are declared", goals)


RULES = (
    Rule("PL901", "has_a_goal", "plan", "9.1", "write a goal into plan.yaml", _has_goal, applies=declares(PlanSpec)),
    # On an asset that every product has: only the condition keeps it from those without the file.
    Rule(
        "PL902", "is_planned", "increment", "9.1", "plan it", lambda evidence, line: passed("planned"),
        applies=declares(PlanSpec),
    ),
)
''',
    "assets.py": '''
import dagster as dg
from planning.spec import PlanSpec

from sprintline.mechanisms.rules.checks import checks_for
from sprintline.product.assets import asset_arguments


def definitions(runtime, partitions):
    if not runtime.declares(PlanSpec):
        return

    @dg.asset(**asset_arguments(runtime, "plan", "delivery", partitions, set()))
    def plan():
        return None

    yield plan
    yield from checks_for(runtime, "plan", "plan", partitions)
''',
}  # fmt: skip


@dataclass(frozen=True)
class Extended:
    """A clone with one product, and commands that run in it with the package."""

    root: Path
    environment: dict[str, str]

    @property
    def product(self) -> Path:
        return self.root / "platform" / "products" / "bakery"

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command], cwd=self.root, env=self.environment, capture_output=True, text=True,
            timeout=240,
        )  # fmt: skip

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`sprintline ...` on the small clone."""
        code = (
            "import sys, pathlib\n"
            "from sprintline.base import settings\n"
            f"settings.ROOT = pathlib.Path({str(self.root)!r})\n"
            "from sprintline.cli.main import main\n"
            f"sys.argv = ['sprintline', *{list(words)!r}]\n"
            "main()\n"
        )
        return self.run("-c", code)

    def python(self, code: str) -> str:
        """What a few lines on the product's runtime print."""
        start = (
            "import pathlib, json\n"
            "from planning.spec import PlanSpec\n"
            "from sprintline.product.runtime import load_runtime\n"
            f"runtime = load_runtime(pathlib.Path({str(self.product)!r}))\n"
        )
        done = self.run("-c", start + code)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    def plan(self, text: str) -> None:
        (self.product / "plan.yaml").write_text(text)


@pytest.fixture
def extended(tmp_path) -> Extended:
    package = tmp_path / "packages" / "planning"
    package.mkdir(parents=True)
    for name, text in PACKAGE.items():
        (package / name).write_text(text)
    root = tmp_path / "clone"
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (root / folder).mkdir(parents=True)
    create_product("bakery", root)
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith("SPRINTLINE_") or name == "SPRINTLINE_KEYS"
        },
        "SPRINTLINE_HOME": str(tmp_path / "home"),
        "SPRINTLINE_EXTENSIONS": "planning",
        "PYTHONPATH": os.pathsep.join((str(package.parent), str(ROOT / "platform"))),
    }
    return Extended(root, environment)


def test_mistakes_are_reported_with_file_and_line(extended):
    extended.plan(
        'goals:\n  - sprint: "2099-S01"\n    goal: all on time\n  - sprnt: "2026-S01"\n    goal: ""\n'
    )
    done = extended.command("check")
    place = "platform/products/bakery/plan.yaml"
    assert (
        f"{place}:2: goals[0].sprint: there is no sprint 2099-S01; the calendar has 2026-S01 to"
        in done.stdout
    )
    assert f"{place}:4: goals[1].sprnt: unknown key; did you mean `sprint`?" in done.stdout
    assert f"{place}:5: goals[1].goal: is empty" in done.stdout
    assert done.returncode == 1 and "Traceback" not in done.stderr
    (extended.product / "plan.yaml").rename(extended.product / "plann.yml")
    done = extended.command("check")
    near = (
        "platform/products/bakery/plann.yml:1: nothing reads a file of this name; did you mean `plan.yaml`?"
    )
    assert done.returncode == 1 and near in done.stdout


def test_the_example_that_is_written_has_no_mistakes_and_is_read(extended):
    listed = extended.command("declare", "bakery").stdout
    assert "plan.yaml not declared goals of the next sprints" in " ".join(listed.split())
    assert extended.python("print(runtime.declared(PlanSpec), runtime.declares(PlanSpec))") == "None False"
    done = extended.command("declare", "bakery", "plan.yaml")
    assert done.returncode == 0, done.stderr
    text = (extended.product / "plan.yaml").read_text()
    assert "# how much work it is (default: 0)" in text and 'sprint: "2026-S01"' in text
    checked = extended.command("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert (
        extended.python("print(runtime.declared(PlanSpec).goals[0].goal, runtime.declares(PlanSpec))")
        == "fewer late parcels True"
    )
    again = extended.command("declare", "bakery", "plan.yaml")
    assert again.returncode == 2 and "plan.yaml already exists" in again.stderr
    other = extended.command("declare", "bakery", "plam.yaml")
    assert other.returncode == 2 and "did you mean `plan.yaml`?" in other.stderr


def test_the_reference_has_a_section(extended):
    code = (
        "from sprintline.cli.reference import SECTIONS\n"
        "print(SECTIONS['declarations.md'](None))\n"
        "from sprintline.cli.rule_pages import pages\n"
        f"print(pages(__import__('pathlib').Path({str(extended.root)!r}))['PL901.md'])\n"
    )
    text = extended.python(code)
    assert "## plan.yaml\n\nGoals of the next sprints; optional." in text
    assert "| `points` | how much work it is | `0` | `5` |" in text
    assert "| Applies to | Products with `plan.yaml` |" in text


ASKED = (
    "from sprintline.mechanisms.rules.rulebook import assets_by_rule, definition_of_done\n"
    "from sprintline.components.product import build_product\n"
    "from sprintline.warehouse.dbt import Warehouse\n"
    "Warehouse.manifest = {'nodes': {}, 'sources': {}}\n"
    "sprint = runtime.calendar.keys[0]\n"
    "needs = [str(need.code) for need in definition_of_done(runtime, sprint)]\n"
    "from dagster import StaticPartitionsDefinition\n"
    "from sprintline.delivery.assets import definitions\n"
    "from planning.assets import definitions as own\n"
    "parts = StaticPartitionsDefinition(list(runtime.calendar.keys))\n"
    "built = [*definitions(runtime, parts), *own(runtime, parts)]\n"
    "checks = [spec.name for one in built for spec in getattr(one, 'check_specs', ())]\n"
    "print(json.dumps({'needs': [one for one in needs if one[:2] == 'PL'],\n"
    "  'judges': {code: names for code, names in assets_by_rule(runtime).items() if code[:2] == 'PL'},\n"
    "  'checks': sorted({name for name in checks if name[:2] == 'PL'})}))\n"
)


def test_a_rule_applies_only_to_products_with_the_file(extended):
    assert json.loads(extended.python(ASKED)) == {
        "needs": [], "judges": {"PL901": [], "PL902": []}, "checks": [],
    }  # fmt: skip
    rows = {
        row["code"]: row
        for row in json.loads(extended.command("rules", "--product", "bakery", "--json").stdout)
    }
    assert not rows["PL901"]["applies"] and rows["CAL001"]["applies"]
    shown = " ".join(extended.command("rules", "--product", "bakery").stdout.split())
    assert "PL901 does not apply to bakery. It applies to: Products with `plan.yaml`" in shown

    extended.plan("goals: []\n")  # declared, and empty: it must be judged
    found = json.loads(extended.python(ASKED))
    assert found["needs"] == ["PL901", "PL902"] and found["judges"] == {
        "PL901": ["plan"],
        "PL902": ["increment"],
    }
    assert found["checks"] == ["PL901_has_a_goal", "PL902_is_planned"]
    judged = "from sprintline.mechanisms.rules.run_rules import judge_asset\n"
    judged += (
        "print([str(one.outcome) for one in judge_asset(runtime, 'plan', 'plan', runtime.calendar.keys[0])])"
    )
    assert extended.python(judged) == "['fail']"

    extended.plan("")  # not even a mapping: no verdict, so no gate opens, and the mistake is named
    assert json.loads(extended.python(ASKED))["needs"] == ["PL901", "PL902"]
    refused = extended.run("-c", "import pathlib\nfrom sprintline.product.runtime import load_runtime\n"
                           f"runtime = load_runtime(pathlib.Path({str(extended.product)!r}))\n" + judged)  # fmt: skip
    assert refused.returncode != 0 and "plan.yaml:1: the file is empty" in refused.stderr
