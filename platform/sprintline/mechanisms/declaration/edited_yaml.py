"""Entries added to a YAML file as text, so that every comment and every other byte stays.

The changed text must read as before with one more entry; otherwise the file is left to its owner.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml


class NotEditable(ValueError):
    """The place for an entry cannot be found in the text, or the list there is written on one line."""


def with_item(text: str, path: Sequence[str], entry: str, before: str | None = None) -> str:
    """The text with an entry added to the list at `path`.

    path: keys; for a list on the way, the `name` or `property` of an entry.
    entry: the YAML text of a list of one. Where the list has it already, the text is returned as it is.
    before: where the last key of the path is missing, it is added in front of this key, or at the end of the mapping.
        Without it, the list must exist.

    Raises:
        NotEditable: there is no such list, or the place in it cannot be found.
    """
    try:
        data, added = yaml.safe_load(text), yaml.safe_load(entry)
        *above, last = path
        parent = _at(data, above)
        wanted = _apart(data)
        if before is not None and isinstance(parent, dict) and last not in parent:
            grown = _with_key(text, above, last, entry.splitlines(), before)
            _at(wanted, above)[last] = added
        else:
            listed = _at(data, path)
            if isinstance(listed, list) and added[0] in listed:
                return text
            grown = _grown(text, path, entry.splitlines())
            _at(wanted, path).extend(added)
        if yaml.safe_load(grown) == wanted:
            return grown
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration, yaml.YAMLError):
        pass
    raise NotEditable(f"{'.'.join(path)} is not a list with an entry per line")


def _apart(data: Any) -> Any:
    """The data without shared parts: an entry added to an anchor's list must not appear where its alias is."""
    if isinstance(data, dict):
        return {key: _apart(value) for key, value in data.items()}
    return [_apart(value) for value in data] if isinstance(data, list) else data


def _grown(text: str, path: Sequence[str], rows: Sequence[str]) -> str:
    node: Any = yaml.compose(text)
    for key in path:
        node = _below(node, key)
    lines = text.split("\n")
    indent = " " * lines[node.value[0].start_mark.line].index("-")
    last = _last_line(node.value[-1])
    while not lines[last].strip() or lines[last].lstrip().startswith("#"):
        last -= 1
    return _inserted(lines, last + 1, rows, indent)


def _with_key(text: str, above: Sequence[str], key: str, rows: Sequence[str], before: str) -> str:
    """The text with a new key, whose list has one entry."""
    node: Any = yaml.compose(text)
    for part in above:
        node = _below(node, part)
    keys = {name.value: name for name, _ in node.value}
    lines = text.split("\n")
    indent = " " * node.value[0][0].start_mark.column
    if before in keys:
        place = keys[before].start_mark.line
        # Comments above a key belong to it.
        while place > 0 and lines[place - 1].lstrip().startswith("#"):
            place -= 1
    else:
        place = _last_line(node) + 1
    return _inserted(lines, place, [f"{key}:", *(f"  {row}" for row in rows)], indent)


def _inserted(lines: list[str], place: int, rows: Sequence[str], indent: str) -> str:
    end = "\r" if lines[0].endswith("\r") else ""
    ragged = len(rows[0]) - len(rows[0].lstrip())
    if place == len(lines):  # the file's last line has no line end
        lines[-1] += end
        lines.append("")
    lines[place:place] = [f"{indent}{row[ragged:]}{end}" for row in rows if row.strip()]
    return "\n".join(lines)


def _below(node: Any, key: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    if isinstance(node, yaml.SequenceNode):
        return next(
            (
                item
                for item in node.value
                for name in ("name", "property")
                if getattr(_below(item, name), "value", None) == key
            ),
            None,
        )
    return None


def _at(data: Any, path: Sequence[str]) -> Any:
    for key in path:
        data = (
            data[key]
            if isinstance(data, dict)
            else next(one for one in data if key in (one.get("name"), one.get("property")))
        )
    return data


def _last_line(node: yaml.Node) -> int:
    """The last line of a node's content; YAML places a collection's own end where the next node begins."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
        return _last_line(node.value[-1])
    end = node.end_mark
    return end.line - (1 if end.column == 0 and end.line > node.start_mark.line else 0)
