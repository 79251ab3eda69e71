"""`sprintline declare`: an example of a declaration file, written beside a product's defs.yaml."""

from __future__ import annotations

from pathlib import Path

from sprintline.mechanisms.declaration.declarations import Declaration, declarations
from sprintline.mechanisms.declaration.located_yaml import suggest
from sprintline.product.runtime import load_runtime
from sprintline.scaffold.create import ScaffoldError, alone


def declare(folder: Path, file: str) -> Path:
    """Write the example of a declaration file into a product's folder, with the product's own sprints.

    Returns the file. Raises ScaffoldError for a file that no subject declares, that another command writes, or that
    already exists; DeclarationError for a defs.yaml with mistakes.
    """
    declaration = _declaration(file)
    target = folder / declaration.file
    text = declaration.example_for(load_runtime(folder).calendar.keys)
    with alone(folder.parent):
        if target.exists():
            raise ScaffoldError(
                f"{file} already exists: edit it; sprintline check {folder.name} reads it", code=2
            )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ScaffoldError(f"{target}: {error.strerror or error}; nothing was written") from error
    return target


def _declaration(file: str) -> Declaration:
    found = {one.file: one for one in declarations()}
    if file not in found:
        known = [name for name, one in found.items() if not one.made_by]
        raise ScaffoldError(f"there is no declaration file {file}; {suggest(file, known)}", code=2)
    if found[file].made_by:
        raise ScaffoldError(f"{file} is written by `{found[file].made_by}`", code=2)
    return found[file]
