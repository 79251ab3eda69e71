"""The pipelines of GitHub, GitLab and Azure: each parses, and calls the words that people use."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
GITHUB, GITLAB, AZURE = ".github/workflows/ci.yml", ".gitlab-ci.yml", "azure-pipelines.yml"
GITLAB_KEYWORDS = {"workflow", "stages", "default", "variables", "include", "image", "cache"}


class Strict(yaml.SafeLoader):
    """A loader that refuses a key written twice, of which YAML would drop one in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"written twice: {keys}"
        return super().construct_mapping(node, deep)


def parsed(name: str) -> dict[Any, Any]:
    found = yaml.load((ROOT / name).read_text(encoding="utf-8"), Strict)
    assert isinstance(found, dict)
    return found


def github_commands() -> list[str]:
    pipeline = parsed(GITHUB)
    # YAML 1.1 reads the key `on` as true; GitHub reads it as a word.
    assert {"push", "pull_request"} <= set(pipeline[True])
    assert pipeline["permissions"] == {"contents": "read"}
    commands = []
    for job in pipeline["jobs"].values():
        assert job["runs-on"].startswith("ubuntu-") and job["timeout-minutes"] <= 90
        assert job["env"]["CI"] == "true"
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step), step
            # A tag that moves would let somebody else choose what runs here; the forge's own actions alone.
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/x@v1"))
            commands += [step["run"]] if "run" in step else []
    return commands


def gitlab_commands() -> list[str]:
    pipeline = parsed(GITLAB)
    jobs = {
        name: job
        for name, job in pipeline.items()
        if name not in GITLAB_KEYWORDS and not name.startswith(".")
    }
    assert jobs
    for job in jobs.values():
        assert job["stage"] in pipeline["stages"] and job["image"] and job["timeout"]
        assert job["variables"]["CI"] == "true"
    return [command for job in jobs.values() for command in job["script"]]


def azure_commands() -> list[str]:
    pipeline = parsed(AZURE)
    assert pipeline["pool"]["vmImage"].startswith("ubuntu-") and "pr" in pipeline and "trigger" in pipeline
    commands = []
    for job in pipeline["jobs"]:
        assert job["job"] and job["timeoutInMinutes"] <= 90
        for step in job["steps"]:
            assert len({"script", "checkout", "task"} & set(step)) == 1, step
            commands += [step["script"]] if "script" in step else []
    assert all("--env CI=true" in one for one in commands)
    return commands


@pytest.mark.parametrize("commands_of", [github_commands, gitlab_commands, azure_commands])
def test_a_pipeline_calls_words_that_exist(commands_of):
    commands = commands_of()
    assert commands
    known = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    ours = []
    for command in commands:
        words = re.findall(r"\bmake ((?:[a-z-]+ ?)+)", command)
        assert {target for line in words for target in line.split()} <= known, command
        scripts = re.findall(r"(?<!\S)(\.ci/\w+|tools/\S+\.sh)", command)
        assert all(os.access(ROOT / script, os.X_OK) for script in scripts), command
        proofs = set(
            re.findall(r"^prove_(\w+)\(\)", (ROOT / "tools/prove.sh").read_text(), flags=re.MULTILINE)
        )
        assert set(re.findall(r"tools/prove\.sh (\w+)", command)) <= proofs, command
        ours += [*words, *scripts]
    assert ".ci/run" in ours or {"test", "prove", "lint"} <= {word for line in ours for word in line.split()}


def test_what_all_call_runs_tests_proofs_and_lint_by_their_words():
    script = (ROOT / ".ci" / "run").read_text()
    known = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    called = set(re.findall(r"^make ([a-z-]+)", script, flags=re.MULTILINE))
    assert {"setup", "test", "prove", "lint"} <= called <= known
    assert re.search(r"^export CI=true$", script, flags=re.MULTILINE), "a missing part must be an error there"


@pytest.mark.parametrize("name", [GITHUB, GITLAB, AZURE, ".ci/run"])
def test_no_pipeline_names_an_index_or_a_host(name):
    assert not re.search(r"://|--index|--extra-index|pypi", (ROOT / name).read_text())
