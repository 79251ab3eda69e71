"""YAML read with positions, so that every mistake in a declaration is reported with file, line and what would be right.

Nothing here knows what is declared: `declarations.py` (products) and `odcs.py` (contracts) ask `read_yaml` for the data
and for the line of any path in it, collect `Mistake`s and raise them together as one `DeclarationError`.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]

_PREFIX = "tag:yaml.org,2002:"
_TEMPLATE = re.compile(r"\{\{.*?\}\}")


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing that is wrong in a declaration: its line (from 1), the path, what is wrong, what would be right."""

    line: int
    where: str
    wrong: str
    right: str

    def located(self, filename: str) -> str:
        """The mistake as one line of text, `file:line: path: what is wrong; what would be right`."""
        place = f"{filename}:{self.line}: " + (f"{self.where}: " if self.where else "")
        return f"{place}{self.wrong}; {self.right}"


class DeclarationError(ValueError):
    """A declaration file cannot be used. The message has one line per mistake, in the order of the file."""

    def __init__(self, filename: str, mistakes: Iterable[Mistake]) -> None:
        self.filename = filename
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(mistake.located(filename) for mistake in self.mistakes))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.filename, self.mistakes)


def dotted(path: KeyPath) -> str:
    """`("sources", 1, "contract")` as `sources[1].contract`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def closest(word: object, known: Iterable[object], cutoff: float = 0.6) -> str | None:
    """The known word most like `word` (case does not count), or None when nothing comes near."""
    by_lower = {str(candidate).lower(): str(candidate) for candidate in known}
    near = difflib.get_close_matches(str(word).lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[near[0]] if near else None


def suggest(word: object, known: Iterable[object]) -> str:
    """What to write instead of an unknown word: the closest known one, else all of them."""
    words = [str(candidate) for candidate in known]
    near = closest(word, words)
    listed = ", ".join(words)
    if near:
        return f"did you mean `{near}`?" + (f" (known: {listed})" if len(words) <= 12 else "")
    return f"use one of: {listed}" if words else "remove it"


def shown(value: object, limit: int = 40) -> str:
    """A value as it may stand in a message: quoted as in YAML, and never longer than `limit` characters."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


class LocatedYaml:
    """The data of one YAML document together with the lines it was written on.

    `surprises` are the mistakes of the YAML itself that do not keep it from being read (a key given twice, a bare
    word that means something else); whoever judges the content adds its own and raises them all together.
    """

    def __init__(
        self, filename: str, node: yaml.MappingNode, data: dict[str, Any], surprises: list[Mistake]
    ) -> None:
        self.filename = filename
        self.data = data
        self.surprises = tuple(surprises)
        self._node = node

    def line(self, path: KeyPath) -> int:
        """The line where `path` starts; for a path that is not there, the line of its nearest ancestor."""
        node: yaml.Node = self._node
        line = 0
        for depth, part in enumerate(path):
            if isinstance(node, yaml.MappingNode):
                found = [(key, value) for key, value in node.value if key.value == str(part)]
                if not found:
                    break
                key, node = found[-1]
                line = key.start_mark.line
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line
            else:
                break
            if depth == len(path) - 1 and isinstance(node, yaml.ScalarNode):
                line = node.start_mark.line
        return line + 1

    def mistake(self, path: KeyPath, wrong: str, right: str) -> Mistake:
        """A mistake at `path`, with its line looked up."""
        return Mistake(self.line(path), dotted(path), wrong, right)

    def refuse(self, mistakes: Iterable[Mistake]) -> None:
        """Raise `DeclarationError` when there are surprises or `mistakes`; one mistake per place, surprises first."""
        told = {surprise.where for surprise in self.surprises}
        all_of_them = [*self.surprises, *(mistake for mistake in mistakes if mistake.where not in told)]
        if all_of_them:
            raise DeclarationError(self.filename, all_of_them)

    def templates(self, path: KeyPath = ()) -> Iterator[Mistake]:
        """Jinja templates under `path`. Dagster would fill them in, but the command line, sensors and the gateway read
        the same file without Dagster, so the two would see different declarations.
        """
        for place, value in _scalars(self.data, ()):
            if place[: len(path)] == path and isinstance(value, str) and _TEMPLATE.search(value):
                yield self.mistake(
                    place, "a template `{{ … }}` is not filled in here", "write the value itself"
                )


def read_yaml(text: str, filename: str) -> LocatedYaml:
    """Read one YAML document whose top level is a mapping. Dates stay text, as Dagster reads them too.

    Repeated keys and bare words that YAML 1.1 turns into something else (`no`, `off`, `12:30`, `010`) are found too;
    they wait in `LocatedYaml.surprises` for `LocatedYaml.refuse`.

    Raises:
        DeclarationError: on broken syntax, or a top level that is not a mapping.
    """
    node = _compose(text, filename)
    if node is None:
        raise DeclarationError(
            filename, [Mistake(1, "", "the file is empty", "declare it as `key: value` lines")]
        )
    if not isinstance(node, yaml.MappingNode):
        raise DeclarationError(
            filename,
            [
                Mistake(
                    node.start_mark.line + 1,
                    "",
                    "the file is not a mapping",
                    "write `key: value` lines at the left",
                )
            ],
        )
    if loop := _loop(node, set(), set()):
        wrong, right = "an anchor's value contains itself", "write the value out"
        raise DeclarationError(filename, [Mistake(loop.start_mark.line + 1, "", wrong, right)])
    mistakes = list(_surprises(node))
    try:
        data = _construct(node)
    except yaml.YAMLError as error:
        raise DeclarationError(filename, [*mistakes, _syntax_mistake(error, text)]) from None
    return LocatedYaml(filename, node, data, mistakes)


class _PlainLoader(yaml.SafeLoader):
    """The safe loader without dates: `2013-01-01` stays text whether or not it is quoted."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _PREFIX + "timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same on libyaml, about ten times as fast."""

    yaml_implicit_resolvers = _PlainLoader.yaml_implicit_resolvers


def _compose(text: str, filename: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_FastLoader)
    except yaml.YAMLError as error:
        failure = error
    # The pure Python loader says more about what it expected; libyaml only found that something is wrong.
    try:
        yaml.compose(text, Loader=_PlainLoader)
    except yaml.YAMLError as error:
        failure = error
    raise DeclarationError(filename, [_syntax_mistake(failure, text)]) from None


def _construct(node: yaml.MappingNode) -> dict[str, Any]:
    loader = _PlainLoader("")
    try:
        return loader.construct_document(node)
    except (RecursionError, ValueError, TypeError) as error:
        raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from None
    finally:
        loader.dispose()


_HINTS = (
    (r"mapping values are not allowed", "check the indentation, and quote a value that contains `: `"),
    (r"'\\t'|\btab\b", "indent with spaces, never with tabs"),
    (r"expected <block end>|did not find expected", "align this line with the ones it belongs to"),
    (r"could not find expected ':'", "write `key: value`, with a space after the colon"),
    (r"unexpected end of stream|while scanning a quoted", "close the quotation mark opened there"),
    (r"expected ',' or", "close the bracket, and put commas between the entries"),
    (r"cannot start any token", "quote a value that starts with @, `, % or a tab"),
    (r"undefined alias", "write the value out, or define the anchor before it is used"),
    (r"expected a single document|another document", "keep one document in the file, without `---` between"),
    (r"could not determine a constructor", "leave out the `!tag`; plain values are enough"),
    (r"special characters are not allowed", "remove the invisible control character"),
)


def _syntax_mistake(error: yaml.YAMLError, text: str) -> Mistake:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        wrong = error.problem or error.context or "this is not YAML"
        if error.context and error.context_mark and mark and error.context_mark.line != mark.line:
            wrong += f" ({error.context} that starts in line {error.context_mark.line + 1})"
        line = mark.line + 1 if mark else 1
    else:  # ReaderError: a character that YAML forbids; it counts characters, not lines
        position = getattr(error, "position", 0) or 0
        line = text.count("\n", 0, position) + 1
        wrong = str(getattr(error, "reason", error))
    described = f"{wrong} {error}"
    right = next(
        (hint for pattern, hint in _HINTS if re.search(pattern, described)),
        "see the YAML of a sample product",
    )
    return Mistake(line, "YAML syntax", wrong, right)


def _loop(node: yaml.Node, above: set[int], done: set[int]) -> yaml.Node | None:
    """A node that contains itself through an alias; whoever walks the data would never come back."""
    if id(node) in above:
        return node
    if id(node) in done or not isinstance(node, yaml.CollectionNode):
        return None
    parts = (
        [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    )
    found = next((loop for part in parts if (loop := _loop(part, above | {id(node)}, done))), None)
    done.add(id(node))
    return found


def _surprises(root: yaml.Node) -> Iterator[Mistake]:
    """Repeated keys (YAML keeps the last silently) and bare words that YAML 1.1 reads as something else."""
    seen: set[int] = set()
    todo: list[tuple[KeyPath, yaml.Node]] = [((), root)]
    while todo:
        path, node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            first_line: dict[str, int] = {}
            for key, value in node.value:
                name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
                line = key.start_mark.line + 1
                if name in first_line and name != "<<":
                    wrong = f"the key is given twice, first in line {first_line[name]}"
                    yield Mistake(line, dotted((*path, name)), wrong, "keep one of them")
                first_line.setdefault(name, line)
                if isinstance(key, yaml.ScalarNode):
                    yield from _bare_word((*path, name), key)
                todo.append(((*path, name), value))
        elif isinstance(node, yaml.SequenceNode):
            todo.extend(((*path, index), item) for index, item in enumerate(node.value))
        elif isinstance(node, yaml.ScalarNode):
            yield from _bare_word(path, node)


def _bare_word(path: KeyPath, node: yaml.ScalarNode) -> Iterator[Mistake]:
    if node.style:  # quoted or a block: None (Python) or empty (libyaml) means bare
        return
    word, tag = node.value, node.tag.removeprefix(_PREFIX)
    reading = None
    if tag == "bool" and word.lower() not in {"true", "false"}:
        reading = "a truth value"
    elif tag in {"int", "float"} and ":" in word:
        reading = "a number to the base 60"
    elif tag == "int" and re.fullmatch(r"[-+]?0\d+", word):
        reading = "an octal number"
    if reading:
        wrong = f"YAML reads the bare `{word}` as {reading}"
        right = f'write "{word}" in quotes'
        if tag == "int" and ":" not in word:
            right = f'write `{word.lstrip("+0") or 0}` for a number, or "{word}" in quotes'
        if tag == "bool":
            right = "write true or false, or put a word in quotes"
        if path and path[-1] == "severity":
            right = "a severity is error or warn; a rule is not switched off but waived for a time (`waiver`)"
        yield Mistake(node.start_mark.line + 1, dotted(path), wrong, right)


def _scalars(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _scalars(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _scalars(inner, (*path, index))
    else:
        yield path, value
