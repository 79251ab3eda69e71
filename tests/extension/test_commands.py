"""A command group is added by one new file; a mistake in it is one sentence with file and line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sprintline.base.settings import ROOT

GROUP = '''
import click


@click.group()
def plan():
    """Goals of the next sprints."""


@plan.command()
@click.option("--sprint", help="Only this one.")
def show(sprint):
    """Show the goals."""
    click.echo(f"goals of {sprint}")


COMMANDS = (plan,)
'''


class Package:
    """A package with one `commands.py`, and `sprintline` with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "planning"
        self.folder.mkdir()
        (self.folder / "__init__.py").touch()
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("SPRINTLINE_") or name == "SPRINTLINE_KEYS"
            },
            "SPRINTLINE_HOME": str(folder / "home"),
            "SPRINTLINE_EXTENSIONS": "planning",
            "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT / "platform"))),
        }

    @property
    def commands(self) -> Path:
        return self.folder / "commands.py"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.python("from sprintline.cli.main import main; main()", *words)

    def python(self, code: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture
def package(tmp_path) -> Package:
    return Package(tmp_path)


def test_the_group_is_in_the_help_and_the_reference(package):
    package.commands.write_text(GROUP)
    shown = package.run("--help")
    assert shown.returncode == 0 and "plan " in shown.stdout and "Goals of the next sprints." in shown.stdout
    assert package.run("plan", "show", "--sprint", "2026-S01").stdout == "goals of 2026-S01\n"
    page = package.python(
        "from sprintline.cli.reference import SECTIONS; print(SECTIONS['commands.md'](None))"
    ).stdout
    assert "## sprintline plan show\n" in page and "| `--sprint` TEXT | Only this one. |" in page


BROKEN = {
    "import that is not there": ("import click\nimport nowhere_to_be_found\n", 2, "No module named"),
    "no Python": ("import click\n\n\ndef plan(:\n", 4, "invalid syntax"),
    "an error while it loads": ("COMMANDS = ()\nraise RuntimeError('no plan')\n", 2, "RuntimeError: no plan"),
    "an error in a library": ("import json\n\njson.loads('{')\n", 3, "JSONDecodeError"),
    "a mistyped decorator": (GROUP.replace("@click.group()", "@click.grup()"), 5, "AttributeError: grup"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_module_is_one_sentence_with_file_and_line(package, name):
    text, line, words = BROKEN[name]
    package.commands.write_text(text)
    said = package.run("--help")
    assert said.returncode == 1 and "Traceback" not in said.stderr
    (sentence,) = said.stderr.splitlines()
    assert sentence.startswith(f"sprintline: {package.commands}:{line}: "), sentence
    assert words in sentence and sentence.endswith("or take planning out of SPRINTLINE_EXTENSIONS")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GROUP.replace("(plan,)", "plan"), "COMMANDS is no list; write COMMANDS = (..., )"),
        (
            GROUP.replace("(plan,)", "(plan.callback,)"),
            "COMMANDS has a function; each entry must be a Command",
        ),
        (GROUP.replace("def plan()", "def check()").replace("plan", "check"), "two commands are named check"),
    ],
)
def test_what_is_no_command_is_refused(package, text, words):
    package.commands.write_text(text)
    said = package.run("--help")
    assert said.returncode == 1 and words in said.stderr and len(said.stderr.splitlines()) == 1


def test_a_package_that_is_not_there_is_named(package):
    package.environment["SPRINTLINE_EXTENSIONS"] = "plannning"
    said = package.run("--help")
    assert (
        said.returncode == 1
        and "SPRINTLINE_EXTENSIONS names plannning, which cannot be imported" in said.stderr
    )
    assert len(said.stderr.splitlines()) == 1
