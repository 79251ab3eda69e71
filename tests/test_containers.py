"""Dockerfile, compose file and development container, read as an engine would: no engine is needed, and none is here.

`mistakes` says what is wrong with a Dockerfile and a compose file; the repository's have none, and each of the planted
ones is found.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from sprintline.base.settings import DECLARED
from sprintline.cli.main import cli
from sprintline.cli.reference import commands

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SETTINGS = {one.name for one in DECLARED} | {f"{one.name}_FILE" for one in DECLARED if one.secret}
TARGETS = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
OF_THE_IMAGE = {"apt-get", "install", "rm", "useradd", "pg_isready"}


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, in order: word and rest, continued lines joined."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [
        (line.split()[0].upper(), line.partition(" ")[2].strip())
        for line in joined.splitlines()
        if line.strip()
    ]


def mistakes(dockerfile: str, compose: str) -> list[str]:
    return [*in_dockerfile(dockerfile), *in_compose(yaml.safe_load(compose), dockerfile)]


def in_dockerfile(text: str) -> Iterator[str]:
    found = instructions(text)
    stages: set[str] = set()
    for word, rest in found:
        if word == "FROM":
            image, _, stage = rest.partition(" AS ")
            if image not in stages and not pinned(image):
                yield f"FROM {image}: no version"
            stages.add(stage)
        elif word == "COPY":
            *sources, _ = [one for one in rest.split() if not one.startswith("--")]
            for source in sources:
                if not (ROOT / source).exists():
                    yield f"COPY {source}: is not there"
                if ignored(source):
                    yield f"COPY {source}: .dockerignore leaves it out"
        elif word == "RUN":
            yield from in_shell(rest)
        elif word == "ENV":
            for name in re.findall(r"(\w+)=", rest):
                if name.startswith("SPRINTLINE_") and name not in SETTINGS:
                    yield f"ENV {name}: is no setting"
                if re.search(r"PASSWORD|SECRET|TOKEN|_URL$", name):
                    yield f"ENV {name}: a secret would be in the image"
        elif word in ("CMD", "ENTRYPOINT", "HEALTHCHECK"):
            form = rest[rest.index("CMD") + 3 :].strip() if word == "HEALTHCHECK" else rest
            if not form.startswith("["):
                yield f"{word}: runs in a shell, which takes the signals"
            else:
                yield from in_command(json.loads(form))
        elif word == "ADD":
            yield "ADD: may fetch and unpack; COPY does what it says"
        elif word == "WORKDIR" and not rest.startswith("/"):
            yield f"WORKDIR {rest}: depends on what was before"
    users = [rest for word, rest in found if word == "USER"]
    if not users or users[-1] in ("root", "0"):
        yield "USER: runs as root"
    if [word for word, _ in found].count("CMD") != 1:
        yield "CMD: not once"


def in_shell(line: str) -> Iterator[str]:
    steps = [shlex.split(step) for step in line.split("&&")]
    for step in steps:
        if step[0] == "apt-get" and "install" in step:
            if not {"--yes", "--no-install-recommends"} <= set(step):
                yield f"RUN {shlex.join(step)}: asks, or installs more than is named"
            if not any(one[:2] == ["apt-get", "update"] for one in steps):
                yield "RUN apt-get install: without update in the same layer, an old list is used"
            if not any(one[0] == "rm" and "/var/lib/apt/lists/*" in one for one in steps):
                yield "RUN apt-get install: the package lists stay in the layer"
        yield from in_command(step)


def in_command(words: list[str]) -> Iterator[str]:
    """A command names what exists: a make target, a script, a command of ours with its options, or one of the image."""
    program, rest = words[0], [word for word in words[1:] if not word.startswith("-")]
    if program == "make":
        if unknown := set(rest) - TARGETS:
            yield f"make {' '.join(unknown)}: no such target"
    elif program == "sprintline":
        known: dict[str, click.Command] = dict(commands(cli))
        if (name := f"sprintline {words[1]}") not in known:
            yield f"{name}: no such command"
            return
        options = {text for one in known[name].params for text in one.opts}
        if unknown := {word for word in words[2:] if word.startswith("--")} - options:
            yield f"{name}: no option {', '.join(unknown)}"
    elif "/" in program:
        if not (ROOT / program).is_file() or not (ROOT / program).stat().st_mode & 0o100:
            yield f"{program}: no such script"
    elif program not in OF_THE_IMAGE:
        yield f"{program}: no such program"


def in_compose(data: dict[str, Any], dockerfile: str) -> Iterator[str]:
    stages = set(re.findall(r" AS (\w+)$", dockerfile, flags=re.MULTILINE))
    settings = dict(
        pair.split("=", 1)
        for word, rest in instructions(dockerfile)
        if word == "ENV"
        for pair in rest.split()
        if "=" in pair
    )
    port = next(rest for word, rest in instructions(dockerfile) if word == "EXPOSE")
    for name, service in data["services"].items():
        if "image" in service and not pinned(service["image"]):
            yield f"{name}: image without a version"
        if "build" in service and service["build"]["target"] not in stages:
            yield f"{name}: no stage {service['build']['target']}"
        if "healthcheck" not in service:
            yield f"{name}: no healthcheck"
        elif service["healthcheck"]["test"][0] != "CMD":
            yield f"{name}: healthcheck by a shell"
        else:
            yield from in_command(service["healthcheck"]["test"][1:])
        for published in service.get("ports", []):
            if not re.fullmatch(rf"127\.0\.0\.1:\d+:{port}", str(published)):
                yield f"{name}: port {published} is not published on loopback, or not the image's"
        for key, value in (service.get("environment") or {}).items():
            if key.startswith("SPRINTLINE_") and key not in SETTINGS:
                yield f"{name}: {key} is no setting"
            if re.search(r"PASSWORD|SECRET|TOKEN|_URL", key):
                secret = str(value).removeprefix("/run/secrets/")
                if not key.endswith("_FILE") or secret not in service.get("secrets", []):
                    yield f"{name}: {key} is not read from a secret of the service"
        if re.search(r"://[^/\s]*:[^/\s]*@", str(service)):
            yield f"{name}: a password in a URL"
        for secret in set(service.get("secrets", [])) - set(data["secrets"]):
            yield f"{name}: no secret {secret}"
        mounted = dict(one.split(":") for one in service.get("volumes", []))
        for volume in set(mounted) - set(data["volumes"]):
            yield f"{name}: no volume {volume}"
        if "build" in service:
            for setting in ("SPRINTLINE_HOME", "SPRINTLINE_KEYS"):
                if settings.get(setting) not in mounted.values():
                    yield f"{name}: {setting} is not on a volume"
        elif "/var/lib/postgresql/data" not in mounted.values():
            yield f"{name}: its data are not on a volume"
        for other, how in service.get("depends_on", {}).items():
            if other not in data["services"] or how.get("condition") != "service_healthy":
                yield f"{name}: does not wait until {other} is healthy"
    ignored_by_git = (ROOT / ".gitignore").read_text().splitlines()
    for name, secret in data["secrets"].items():
        folder = str(secret.get("file", "")).removeprefix("./").partition("/")[0]
        if not ignored(folder) or f"/{folder}/" not in ignored_by_git:
            yield f"secret {name}: git or the image would take it"


def pinned(image: str) -> bool:
    """Whether an image has a tag with a number in it; `latest` moves."""
    return bool(re.search(r":[\w.-]*\d[\w.-]*$", image))


def ignored(source: str) -> bool:
    """Whether .dockerignore leaves a file or folder of the root out."""
    lines = [line.strip() for line in (ROOT / ".dockerignore").read_text().splitlines()]
    return any(fnmatch(source.removeprefix("./"), line) for line in lines if line and line[0] != "#")


def test_the_repositorys_files_have_no_mistakes():
    assert mistakes(DOCKERFILE, COMPOSE) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("FROM python:3.11-slim-bookworm", "FROM python:latest", "no version"),
        ("FROM python:3.11-slim-bookworm", "FROM python", "no version"),
        ("requirements-bootstrap.lock ./", "requirements-boot.lock ./", "is not there"),
        ("tools/setup.sh tools/", ".venv tools/", "leaves it out"),
        ("RUN tools/setup.sh", "RUN tools/set-up.sh", "no such script"),
        ("make --no-print-directory setup", "make set-up", "no such target"),
        (" --no-install-recommends", "", "installs more than is named"),
        ("RUN apt-get update \\\n    && ", "RUN ", "an old list is used"),
        (" \\\n    && rm -rf /var/lib/apt/lists/*", "", "stay in the layer"),
        ("SPRINTLINE_HOME=", "SPRINTLINE_STATE=", "is no setting"),
        ("EXPOSE", "ENV SPRINTLINE_DATABASE_URL=x\nEXPOSE", "would be in the image"),
        ("USER sprintline", "USER root", "runs as root"),
        ('CMD ["sprintline", "ui", "--port", "3000"]', "CMD sprintline ui", "takes the signals"),
        ('"ui", "--port"', '"ui", "--host"', "no option --host"),
        ('"processes"', '"process"', "no such command"),
        ("WORKDIR /clone", "WORKDIR clone", "depends on what was before"),
        ('"127.0.0.1:3000:3000"', '"3000:3000"', "not published on loopback"),
        ('"127.0.0.1:3000:3000"', '"0.0.0.0:3000:3000"', "not published on loopback"),
        ('"127.0.0.1:3000:3000"', '"127.0.0.1:3000:3001"', "not the image's"),
        ("SPRINTLINE_DATABASE_URL_FILE: /run", "SPRINTLINE_DATABASE_URI_FILE: /run", "is no setting"),
        ("POSTGRES_PASSWORD_FILE: /run/secrets/database_password", "POSTGRES_PASSWORD: word", "not read from a secret"),
        ("secrets: [database_url]", "secrets: []", "not read from a secret"),
        ("_FILE: /run/secrets/database_url", ": postgresql://a:word@database/a", "a password in a URL"),
        ("state:/state", "state:/var/state", "SPRINTLINE_HOME is not on a volume"),
        ("      - keys:/keys\n", "", "SPRINTLINE_KEYS is not on a volume"),
        ("database:/var/lib", "data:/var/lib", "no volume data"),
        ("condition: service_healthy", "condition: service_started", "does not wait"),
        ("target: platform", "target: platforms", "no stage"),
        ("postgres:15-bookworm", "postgres:latest", "without a version"),
        ("file: ./secrets/database_url", "file: ./tools/database_url", "git or the image would take it"),
        ("test: [CMD, pg_isready", "test: [CMD-SHELL, pg_isready", "by a shell"),
    ],
)  # fmt: skip
def test_a_planted_mistake_is_found(old, new, told):
    changed = DOCKERFILE.replace(old, new), COMPOSE.replace(old, new)
    assert changed != (DOCKERFILE, COMPOSE), "the file is no longer like this: plant it elsewhere"
    assert any(told in one for one in mistakes(*changed)), mistakes(*changed)


def test_a_service_without_a_healthcheck_is_found():
    data = yaml.safe_load(COMPOSE)
    del data["services"]["database"]["healthcheck"]
    assert list(in_compose(data, DOCKERFILE)) == ["database: no healthcheck"]


def test_the_development_container_is_made_of_the_same_base():
    file = ROOT / ".devcontainer" / "devcontainer.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    built = data["build"]
    assert (file.parent / built["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert (file.parent / built["context"]).resolve() == ROOT
    stages = re.findall(r" AS (\w+)$", DOCKERFILE, flags=re.MULTILINE)
    assert built["target"] == stages[0]
    assert f"USER {data['remoteUser']}\n" in DOCKERFILE
    assert not list(in_command(shlex.split(data["postCreateCommand"])))
    assert [f"EXPOSE {port}" in DOCKERFILE for port in data["forwardPorts"]] == [True]


def test_the_image_has_the_python_that_is_locked():
    (version,) = re.findall(r"^FROM python:(\d+\.\d+)-", DOCKERFILE, flags=re.MULTILINE)
    assert version == (ROOT / ".python-version").read_text().strip()


def test_the_server_is_the_one_that_is_tested():
    (version,) = re.findall(r"image: postgres:(\d+)-", COMPOSE)
    assert f"({version} is tested)" in (ROOT / "docs/how-to/use-postgresql.md").read_text(encoding="utf-8")
