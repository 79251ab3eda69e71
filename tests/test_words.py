"""Text that people read is plain technical English: what is on this list has a word that people would search for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sprintline.base.settings import ROOT

BANNED = {
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\basked for (are|is)\b|\bare asked for\b": "required",
    r"\btakes no more\b": "full",
    r"\bonly you know\b": "missing",
    r"\bfares? worst\b": "worst",
    r"\bholds nothing\b": "is empty",
    r"\b(not )?surely\b": "significantly",
    r"\b(all )?stands as it was\b": "nothing changes",
    r"\bno longer stands\b": "lapses",
    r"\bwhat stands where\b": "status",
    r"\bis the record whole\b": "verify ledger integrity",
    r"\bmay go\b": "you can delete",
    r"\bthe lack of one\b": "a missing verdict",
    r"\bwhose past tells\b": "history features",
    r"\bplan on in\b": "extend planned_until",
    r"\b1 no\b": "1 failed",
    r"\bwaits to be\b": "open",
    r"\b(is|are|was|were|be) told\b": "reported, shown",
    r"\bvouch(es|ed)?\b": "verifies",
    r"\byardsticks?\b": "baseline",
    r"\brests? on\b": "depends on",
    r"\b(was|were|be|been|is|has|have) begun\b": "started",
    r"\banew\b": "again",
    r"\bnobody\b": "no one, no process, or the passive",
    r"\bwho(so)?ever\b": "the person who",
    r"\bsays nothing\b": "is not usable",
    r"\bmade again\b": "computed again, rebuilt, reproduced",
    r"\bgoes on by itself\b": "continues automatically",
    r"\bamiss\b": "wrong",
    r"\bstands? (in|by|as|for|on)\b": "is in, applies to",
}
"""Patterns and the word to write instead."""
TEMPLATES = sorted(
    file
    for file in (ROOT / "platform" / "sprintline").rglob("templates/**/*.j2")
    if "scaffold" not in file.parts
)

_DECISIONS = ROOT / "docs" / "decisions"
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if not page.is_relative_to(_DECISIONS)),
]
MODULES = sorted(
    file for file in (ROOT / "platform" / "sprintline").rglob("*.py") if "templates" not in file.parts
)


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """Every string of a module that may reach people: all but the docstrings of what is no command."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    apart = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            command = any(
                "command" in ast.unparse(one) or "group" in ast.unparse(one) for one in decorators(node)
            )
            if not command and ast.get_docstring(node) is not None:
                apart.add(id(node.body[0].value))  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
            yield node.lineno, node.value


def decorators(node: ast.AST) -> list[ast.expr]:
    return getattr(node, "decorator_list", [])


def faults(line: str) -> list[str]:
    return [f"write {right}" for pattern, right in BANNED.items() if re.search(pattern, line, re.IGNORECASE)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_in_plain_words(page):
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
    assert not [
        f"{page.name}:{number}: {line.strip()}: {faults(line)}" for number, line in lines if faults(line)
    ]


def test_messages_and_help_are_in_plain_words():
    found = [
        f"{file.relative_to(ROOT)}:{number}: {text[:80]!r}: {faults(text)}"
        for file in MODULES
        for number, text in texts(file)
        if faults(text)
    ]
    assert not found, "\n".join(found)


def banned_in(template: Path) -> list[str]:
    """The lines of a template of the site with a banned word; what Jinja itself reads is left out."""
    text = re.sub(
        r"\{[{%].*?[}%]\}",
        lambda code: "\n" * code.group().count("\n"),
        template.read_text(),
        flags=re.DOTALL,
    )
    return [
        f"{template.name}:{number}: {line.strip()}: {faults(line)}"
        for number, line in enumerate(text.splitlines(), 1)
        if faults(line)
    ]


@pytest.mark.parametrize(
    "template", TEMPLATES, ids=lambda file: str(file.relative_to(ROOT / "platform/sprintline"))
)
def test_templates_of_the_site_are_in_plain_words(template):
    assert not banned_in(template)


def test_a_banned_word_in_a_template_is_found(tmp_path):
    (tmp_path / "page.html.j2").write_text("<p>\n{{ nobody.anew }}\n<b>Nobody</b> knows</p>\n")
    assert [line.partition(": ")[0] for line in banned_in(tmp_path / "page.html.j2")] == ["page.html.j2:3"]


@pytest.mark.parametrize(
    "line",
    [
        "mend the line",
        "99 are asked for",
        "the disk takes no more",
        "not surely better",
        "all stands as it was",
    ],
)
def test_a_banned_word_is_found(line):
    assert faults(line)


def test_a_banned_word_in_the_help_of_a_command_is_found(tmp_path):
    (tmp_path / "commands.py").write_text(
        '"""Mend nothing here."""\n@click.command()\ndef fix():\n    """Mend it."""\n\ndef other():\n    """Mend."""\n'
    )
    assert [text for _, text in texts(tmp_path / "commands.py") if faults(text)] == ["Mend it."]
