"""What words mean, by docs/glossary.md: pages explain a word where it first appears, and it is written once."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FILE = Path(__file__).resolve().parents[4] / "docs" / "glossary.md"


@cache
def glossary() -> dict[str, str]:
    """Meaning by word; empty in a clone without the page. A row of several words is found by each of them."""
    try:
        lines = FILE.read_text("utf-8").splitlines()
    except OSError:
        return {}
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in lines
        if line.startswith("| ")
    ]
    return {
        word.strip(): _plain(cells[1])
        for cells in rows[1:]
        if len(cells) == 2
        for word in cells[0].split(",")
    }


def meaning(word: str) -> str:
    """What a word means, in a sentence; empty for one that the glossary does not have."""
    text = glossary().get(word, "")
    return text[:1].upper() + text[1:] + ("" if not text or text.endswith(".") else ".")


def _plain(markdown: str) -> str:
    """Text without Markdown: code and links as their words."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", markdown).replace("`", "")
