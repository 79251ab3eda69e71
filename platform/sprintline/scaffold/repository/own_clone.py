"""`make mine NAME=…`: a clone of the template becomes a team's own repository, once.

`plan` reads the clone and says what would be written and removed, or refuses; it changes nothing. `carry_out` does it.
The pages of the template say themselves what belongs to it: the part between `<!-- template -->` and
`<!-- /template -->` goes, and so does the part between `<!-- sample -->` and `<!-- /sample -->` where the sample
products go.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sprintline.base.files import atomic_write
from sprintline.product.folders import product_folders
from sprintline.product.spec import ProductSpec, parse_product
from sprintline.scaffold.create import ScaffoldError, check_removable, remove_product, traces_of
from sprintline.scaffold.published import readers_of
from sprintline.scaffold.repository import codeowners

TEMPLATE = "sprintline"
"""Name of the package in pyproject.toml while the clone is the template."""

ANSWERS = ".copier-answers.yml"
"""Where copier finds the template, and which version of it the clone has."""

_TEMPLATES_ALONE = (
    "copier.yml",
    "{{_copier_conf.answers_file}}.jinja",
    "tests/scaffold/repository/test_own_clone.py",
    "tests/scaffold/repository/test_later_version.py",
)

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TITLE = re.compile(r"[^\W_][\w .,&'()–-]{0,59}")
_OWNER = re.compile(r"@[\w-]+(/[\w.-]+)*|[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Own:
    """What a team says about its repository.

    name: of the repository and of its package, as `acme-data`.
    title: for people; by default made from the name.
    owner: who reviews what belongs to no product, as CODEOWNERS has it: `@acme/data` or an e-mail address.
    keep_samples: whether the template's sample products stay.
    """

    name: str
    title: str = ""
    owner: str = ""
    keep_samples: bool = True

    @property
    def heading(self) -> str:
        """The title, or the name as one."""
        return self.title or self.name.replace("-", " ").capitalize()


@dataclass(frozen=True)
class Plan:
    """What would change.

    texts: new texts by file.
    samples: the sample products that would go, with their folders.
    leaving: files that belong to the template alone.
    origin: address and version of the template that the clone is from, where git knows it.
    """

    texts: Mapping[Path, str]
    samples: Mapping[str, list[Path]]
    leaving: tuple[Path, ...]
    origin: tuple[str, str] | None


def plan(own: Own, root: Path) -> Plan:
    """What making the clone a team's own would change.

    Raises:
        ScaffoldError: a value cannot be used, the clone is a team's own already, has changes that are not committed, or
            a file is no longer as the template has it.
    """
    _check(own, root)
    _check_committed(root)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["sprintline"]["samples"]
    products = {folder.name: folder for folder in product_folders(root)}
    samples = (
        {} if own.keep_samples else {name: traces_of(name, root) for name in shipped if name in products}
    )
    for sample in samples:
        check_removable(sample, root)
        # Of samples that go together, one may read the other.
        if readers := sorted(set(readers_of(sample, products[sample])) - set(samples)):
            raise ScaffoldError(
                f"SAMPLES=remove: {', '.join(readers)} reads what the sample {sample} publishes: remove that source "
                f"first, or keep the samples"
            )
    stay = {name: _declared(folder, root) for name, folder in products.items() if name not in samples}
    texts = {root / name: edit(own, root / name) for name, edit in _EDITS.items()}
    above = _reviewers(own, codeowners.above(root))
    texts[root / codeowners.FILE] = codeowners.text_of(above, stay)
    origin = _origin(root)
    if origin is not None:
        texts[root / ANSWERS] = _answers(own, *origin)
    # Last, for its name says that all the rest is done.
    texts[root / "pyproject.toml"] = _pyproject(own, root / "pyproject.toml")
    leaving = tuple(file for name in _TEMPLATES_ALONE if (file := root / name).is_file())
    return Plan(texts, samples, leaving, origin)


def carry_out(changes: Plan, root: Path) -> None:
    """Write and remove what was planned; when a step fails, the clone is as it was committed.

    Raises:
        ScaffoldError: a file cannot be written or removed; nothing changed then.
    """
    fresh = [file for file in changes.texts if not file.exists()]
    try:
        for sample, traces in changes.samples.items():
            remove_product(sample, root, traces)
        for file in changes.leaving:
            file.unlink()
        for file, text in changes.texts.items():
            atomic_write(file, text)
    except BaseException as error:
        # Nothing was uncommitted when this began, so what git has is what was there.
        for file in fresh:
            file.unlink(missing_ok=True)
        _git(root, "restore", "--worktree", ".")
        if not isinstance(error, OSError):
            raise
        raise ScaffoldError(
            f"{error.filename or root}: {error.strerror or error}; nothing was changed, fix that and call again"
        ) from error


# --- What is refused --------------------------------------------------------------------------------------------------


def _check(own: Own, root: Path) -> None:
    if not _NAME.fullmatch(own.name) or len(own.name) > 60:
        like = (
            re.sub(r"[^a-z0-9]+", "-", own.name.lower()).strip("-0123456789")[:60].rstrip("-") or "acme-data"
        )
        raise ScaffoldError(
            f'NAME: "{own.name}" is not a repository name: use small letters, digits and single hyphens, letter first; '
            f"for example {like}",
            code=2,
        )
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    if own.name == TEMPLATE or re.search(rf"^{re.escape(own.name)}(\[.*?\])?==", lock, flags=re.MULTILINE):
        whose = "the template's own" if own.name == TEMPLATE else "that of a library in requirements.lock"
        raise ScaffoldError(f'NAME: "{own.name}" is {whose}: choose another, as {own.name}-data', code=2)
    if own.title and not _TITLE.fullmatch(own.title):
        raise ScaffoldError(
            f"TITLE: {own.title!r} cannot be a title: use at most 60 letters, digits, spaces and . , & ' ( ) -, "
            f"letter first",
            code=2,
        )
    if own.owner and not _OWNER.fullmatch(own.owner):
        raise ScaffoldError(
            f"OWNER: {own.owner!r} is no owner that a forge knows: write @user, @organisation/team or an e-mail "
            f"address",
            code=2,
        )


def _check_committed(root: Path) -> None:
    """The clone is the template, and everything in it is committed."""
    pyproject = root / "pyproject.toml"
    there = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["name"]
    if there != TEMPLATE:
        raise ScaffoldError(
            f"this clone is {there} already (pyproject.toml, project.name): edit its files from here on",
            code=2,
        )
    top = _git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top.strip()).resolve() != root.resolve():
        raise ScaffoldError(f"{root} is not a git repository: git init, and commit what is there, first")
    changed = (_git(root, "status", "--porcelain") or "").splitlines()
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise ScaffoldError(
            f"{changed[0][3:]}{more}: not committed; commit, or take it back with git restore and git clean, so that "
            f"nothing of yours can get lost"
        )


def _git(root: Path, *words: str) -> str | None:
    """What git prints; None where it fails."""
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def _origin(root: Path) -> tuple[str, str] | None:
    """Where the clone is from, without a user's password or token, and its version; None where git does not know.

    The version is that of the last commit that came from there: copier has to find it there.
    """
    address = (_git(root, "remote", "get-url", "origin") or "").strip()
    bases = (_git(root, "merge-base", "HEAD", branch) for branch in ("origin/HEAD", "@{upstream}"))
    base = next((found.strip() for found in bases if found), None)
    if not address or base is None:
        return None
    version = _git(root, "describe", "--tags", "--always", "--match", "v[0-9]*", base) or base
    return re.sub(r"^(https?://)[^/@]*@", r"\1", address), version.strip()


def _declared(folder: Path, root: Path) -> ProductSpec:
    defs = folder / "defs.yaml"
    return parse_product(defs.read_text(encoding="utf-8"), str(defs.relative_to(root)))


# --- What is written --------------------------------------------------------------------------------------------------


def _readme(own: Own, file: Path) -> str:
    text = _replaced(file, r"\A# Sprintline\n", f"# {own.heading}\n", "its heading `# Sprintline`")
    text, cut = re.subn(
        r"\n<!-- template: head -->\n.*?<!-- /template -->\n",
        _head(own).replace("\\", r"\\"),
        text,
        flags=re.DOTALL,
    )
    if cut != 1:
        raise _changed(file, "its part <!-- template: head -->")
    text = re.sub(r"<!-- template -->\n.*?<!-- /template -->\n+", "", text, flags=re.DOTALL)
    if own.keep_samples:
        return re.sub(r"<!-- /?sample -->\n", "", text)
    text = re.sub(r"<!-- sample -->\n.*?<!-- /sample -->\n+", "", text, flags=re.DOTALL)
    text, count = re.subn(r"replays 14 sprints of real flights \(.*?\)", "replays the first product", text)
    if count != 1:
        raise _changed(file, "its line `make demo`")
    return text


def _head(own: Own) -> str:
    return (
        f"\nThe data products of {own.heading}, one folder each in `platform/products/`. They are built on\n"
        f"Sprintline, a template for data and machine learning platforms on [Dagster](https://dagster.io) assets:\n"
        f"raw data, dbt models, Feast features and trained models are assets, a sprint is a partition, the\n"
        f"Definition of Done is a set of asset checks, and sensors start every run.\n"
        f"[Who reviews what](CONTRIBUTING.md) is in CODEOWNERS.\n"
    )


def _contributing(own: Own, file: Path) -> str:
    return _replaced(
        file, r"\A# Contributing to Sprintline\n", f"# Contributing to {own.heading}\n", "its heading"
    )


def _pyproject(own: Own, file: Path) -> str:
    """The package under the team's name; version and all that is resolved or locked stay."""
    text = file.read_text(encoding="utf-8")
    said: dict[str, Any] = {
        "name": own.name,
        "description": f"The data products of {own.heading}, on the Sprintline template",
        "authors": [{"email": own.owner} if "@" in own.owner[1:] else {"name": own.heading}],
    }
    lines = {key: f"{key} = {json.dumps(said[key], ensure_ascii=False)}" for key in ("name", "description")}
    ((kind, author),) = said["authors"][0].items()
    lines["authors"] = f"authors = [{{ {kind} = {json.dumps(author, ensure_ascii=False)} }}]"
    for key, line in lines.items():
        text, count = re.subn(rf"^{key} = .*$", line.replace("\\", r"\\"), text, count=1, flags=re.MULTILINE)
        if count != 1:
            raise _changed(file, f"its line project.{key}")
    before, after = tomllib.loads(file.read_text(encoding="utf-8")), tomllib.loads(text)
    if after != before | {"project": before["project"] | said}:
        raise _changed(file, "its table [project]")
    return text


def _answers(own: Own, address: str, version: str) -> str:
    """As copier writes it, which reads it at the first update."""
    return (
        "# Written by copier: where the template is, and which version of it this clone has. Do not edit by hand.\n"
        + yaml.safe_dump({"_commit": version, "_src_path": address, "samples": own.keep_samples})
    )


def _reviewers(own: Own, above: str) -> str:
    """The part of CODEOWNERS above the products, with the team's owner for all the rest; the team's own lines stay."""
    if not own.owner:
        return above
    text, count = re.subn(
        r"^# \* @acme/data$", lambda _: f"* {own.owner}", above, count=1, flags=re.MULTILINE
    )
    # The last line that matches decides, so the most general one is the first.
    return text if count else f"* {own.owner}\n{above}"


def _replaced(file: Path, pattern: str, new: str, what: str) -> str:
    text, count = re.subn(pattern, lambda _: new, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if count != 1:
        raise _changed(file, what)
    return text


def _changed(file: Path, what: str) -> ScaffoldError:
    return ScaffoldError(
        f"{file.name}: {what} is not as the template has it; restore the file, call again, then edit it"
    )


def _compose(own: Own, file: Path) -> str:
    return _replaced(file, r"^name: sprintline$", f"name: {own.name}", "its line `name`")


def _devcontainer(own: Own, file: Path) -> str:
    return _replaced(
        file,
        r'^  "name": "Sprintline",$',
        f'  "name": {json.dumps(own.heading, ensure_ascii=False)},',
        "its name",
    )


_EDITS = {
    "README.md": _readme,
    "CONTRIBUTING.md": _contributing,
    "compose.yaml": _compose,
    ".devcontainer/devcontainer.json": _devcontainer,
}
