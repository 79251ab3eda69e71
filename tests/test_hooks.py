"""Hooks, templates of the forge and the Python version: each parses, and names words and files that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def hooks() -> list[dict]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert all(repo["repo"] == "local" for repo in config["repos"]), "a hook would be fetched"
    return [hook for repo in config["repos"] for hook in repo["hooks"]]


def test_hooks_call_the_words_of_people_and_ci():
    checks = set(re.findall(r"^check_(\w+)\(\)", (ROOT / "tools/lint.sh").read_text(), flags=re.MULTILINE))
    stages = set()
    for hook in hooks():
        words = [word for word in shlex.split(hook["entry"]) if word[0] != "-"]
        assert words[0] == "make" and words[1] in TARGETS, hook["entry"]
        chosen = {name for word in words[2:] for name in word.removeprefix("ARGS=").split()}
        assert all(word.startswith("ARGS=") for word in words[2:]) and chosen <= checks, hook["entry"]
        # With `system` nothing is installed; file names would be taken for targets.
        assert hook["language"] == "system" and hook["pass_filenames"] is False
        stages |= set(hook["stages"])
    assert stages == {"pre-commit", "pre-push"}


def test_lint_without_a_choice_runs_every_check():
    text = (ROOT / "tools" / "lint.sh").read_text()
    checks = re.findall(r"^check_(\w+)\(\)", text, flags=re.MULTILINE)
    (all_of_them,) = re.findall(r"chosen=\(([\w ]+)\)", text)
    assert sorted(all_of_them.split()) == sorted(checks)


@pytest.mark.parametrize(
    "form", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda one: one.name
)
def test_an_issue_form_has_what_the_forge_needs(form):
    data = yaml.safe_load(form.read_text(encoding="utf-8"))
    if form.name == "config.yml":
        assert set(data) <= {"blank_issues_enabled", "contact_links"}
        return
    assert data["name"] and data["description"] and data["body"]
    ids = [field["id"] for field in data["body"]]
    assert len(ids) == len(set(ids))
    for field in data["body"]:
        assert (
            field["type"] in {"textarea", "input", "dropdown", "checkboxes"} and field["attributes"]["label"]
        )
        assert set(field) <= {"type", "id", "attributes", "validations"}


def test_the_license_is_the_one_that_the_package_names():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'license = "Apache-2.0"' in pyproject and 'license-files = ["LICENSE"]' in pyproject
    assert (
        "Apache License" in text
        and "Version 2.0, January 2004" in text
        and "END OF TERMS AND CONDITIONS" in text
    )


def test_the_python_version_is_one_that_setup_takes():
    version = (ROOT / ".python-version").read_text().strip()
    assert f"PYTHON  ?= python{version}\n" in (ROOT / "Makefile").read_text()
