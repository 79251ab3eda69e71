"""The documentation is true to the disk: links lead somewhere, named commands and files exist, pictures are seen."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from sprintline.base.settings import ROOT
from sprintline.cli.main import cli
from sprintline.cli.reference import _anchor, commands

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_BYTES = 250_000


def prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[str]:
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", prose(page)))
    return [unquote(one) for one in found if not re.match(r"[a-z]+:", one)]


def anchors(page: Path) -> set[str]:
    return {
        _anchor(line) for line in re.findall(r"^#+ (.+)$", prose(page).replace("`", ""), flags=re.MULTILINE)
    }


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_leads_somewhere(page):
    for link in links(page):
        target, _, anchor = link.partition("#")
        place = (page.parent / target).resolve() if target else page
        assert place.exists(), f"{link} leads nowhere"
        assert place.is_relative_to(ROOT), f"{link} leaves the clone"
        if anchor and place.suffix == ".md":
            assert anchor in anchors(place), f"{link}: there is no such heading"


def test_every_page_can_be_reached_from_the_readme():
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if link[0] != "#"]
        todo += [one for one in targets if one.suffix == ".md" and one.exists()]
    assert not set(PAGES) - reached, "pages nobody finds"


def test_readmes_tree_is_on_the_disk():
    (tree,) = re.findall(r"## Where things are\n\n```\n(.*?)```", README, flags=re.DOTALL)
    folders: list[str] = []
    for line in tree.splitlines():
        indent, name = re.match(r"( *)(\S+)", line).groups()
        folders = [*folders[: len(indent) // 2], name]
        assert (ROOT / "/".join(folders)).exists(), f"README names {'/'.join(folders)}"
    told = set(re.findall(r"^(\w+)/", tree, flags=re.MULTILINE))
    there = {
        one.name for one in ROOT.iterdir() if one.is_dir() and one.name[0] != "." and any(one.rglob("*.*"))
    }
    assert there - {"logs", "build", "dist"} <= told, "README's tree leaves a folder out"


# What the changelog tells may be gone, and errors.md lists commands that are wrong on purpose.
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in ("CHANGELOG.md", "errors.md")], ids=named
)
def test_commands_that_are_named_exist_with_their_options(page):
    known = dict(commands(cli))
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    code = re.findall(r"^ *```\w*\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in code for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", prose(page))
    for line in lines:
        words = re.sub(r"\s#.*", "", line).split()
        if words[:1] == ["make"] and len(words) > 1 and re.fullmatch(r"[a-z-]+", words[1]):
            assert words[1] in targets, f"make {words[1]}"
        if (
            len(words) < 2
            or Path(words[0]).name != "sprintline"
            or words[0][-1] == "/"
            or words[1][0] in "-["
        ):
            continue
        name = f"sprintline {words[1]}"
        assert name in known, f"{line}: there is no such command"
        if isinstance(known[name], click.Group) and len(words) > 2 and f"{name} {words[2]}" in known:
            name = f"{name} {words[2]}"
        options = {text for one in known[name].params for text in one.opts} | {"--help", "-h"}
        used = {word.split("=")[0] for word in words if word.startswith("--")}
        assert used <= options, f"{line}: {name} has no {', '.join(used - options)}"


def test_pictures_are_small_and_shown():
    pictures = set((ROOT / "docs").rglob("*.png"))
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size < MOST_BYTES, picture.name
    shown = {
        (page.parent / target).resolve()
        for page in PAGES
        for alt, target in re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
        if alt.strip()
    }
    assert pictures == {one for one in shown if one.suffix == ".png"}, (
        "a picture without words, or one nobody sees"
    )


def test_the_changelog_tells_of_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", text, flags=re.MULTILINE)
    assert headings[0] == "Unreleased" and all(re.fullmatch(r"\d+\.\d+\.\d+", one) for one in headings[1:])
    assert version in headings or version in text.split("## [")[1], f"it says nothing of {version}"
    kinds = set(re.findall(r"^### (.+)$", text, flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_architecture_names_rooms_and_modules_that_are_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    sprintline = ROOT / "platform" / "sprintline"
    for name in re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", text):
        assert any((base / name).exists() for base in (sprintline, ROOT)), name
    rooms = {one.name for one in sprintline.iterdir() if one.is_dir() and one.name[0] not in "_."}
    assert all(f"{room}" in text for room in rooms), (
        f"rooms it leaves out: {[r for r in rooms if r not in text]}"
    )
