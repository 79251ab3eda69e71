"""`sprintline notebook`: a trial of a product's recipe outside the platform, and the recipe back as `model.py`."""

from __future__ import annotations

import os
import re
import runpy
import tempfile
from pathlib import Path

from sprintline.base.files import atomic_write
from sprintline.base.settings import Home
from sprintline.scaffold.create import ScaffoldError

TEMPLATE = Path(__file__).parent / "templates" / "notebook.py.txt"
_RECIPE = re.compile(r"^# %% \[recipe\]\n(.*?)(?=^# %%|\Z)", re.MULTILINE | re.DOTALL)


def place_of(product: str, root: Path) -> Path:
    """Where a product's notebook is: beside the code locations, so that changing it is no change of the product."""
    return root / "notebooks" / f"{product}.py"


def write_notebook(folder: Path, root: Path) -> Path:
    """Write a product's notebook, with its recipe as it is now.

    folder: the product's own.

    Raises:
        ScaffoldError: there is one already, or `model.py` cannot be a cell.
    """
    place, recipe = place_of(folder.name, root), folder / "model.py"
    if place.exists():
        raise ScaffoldError(
            f"{place.relative_to(root)} already exists: rename it, or delete it, and call again", code=2
        )
    if not recipe.is_file():
        raise ScaffoldError(
            f"{recipe.relative_to(root)} does not exist: a trial begins with a product's recipe"
        )
    text = recipe.read_text("utf-8")
    if re.search(r"^# %%", text, re.MULTILINE):
        raise ScaffoldError(
            f"{recipe.relative_to(root)} has a line that begins with `# %%`, which would end its cell: change that line"
        )
    # `from __future__` must be the first statement of a file, and is not needed in a cell.
    cell = re.sub(r"^from __future__ import annotations\n+", "", text, flags=re.MULTILINE)
    filled = (
        TEMPLATE.read_text("utf-8")
        .replace("PRODUCT", folder.name)
        .replace("RECIPE\n", f"{cell.rstrip()}\n\n")
    )
    place.parent.mkdir(exist_ok=True)
    atomic_write(place, filled)
    return place


def bring_back(folder: Path, root: Path, home: Home) -> bool:
    """Write the notebook's recipe as the product's `model.py`; False when it is that already.

    Raises:
        ScaffoldError: there is no notebook or no recipe in it, or `sprintline check` finds a mistake in the product
            with it. `model.py` is then as it was.
    """
    from sprintline.scaffold.check import mistakes_of

    place, recipe = place_of(folder.name, root), folder / "model.py"
    if not place.is_file():
        raise ScaffoldError(
            f"{place.relative_to(root)} does not exist: sprintline notebook {folder.name} writes it", code=2
        )
    cells = _RECIPE.findall(place.read_text("utf-8"))
    if len(cells) != 1:
        raise ScaffoldError(
            f"{place.relative_to(root)} has {len(cells)} cells `# %% [recipe]`: keep one, with the whole of model.py",
            code=2,
        )
    before = recipe.read_text("utf-8")
    text = _with_future(cells[0].strip() + "\n", before)
    if text == before:
        return False
    _refuse_unfit(text, place.relative_to(root))
    times = recipe.stat()
    atomic_write(recipe, text)
    try:
        # In this process no one has loaded the product before, so this reads the new file.
        found = mistakes_of(folder, root, home)
        if found:
            raise ScaffoldError(
                "\n".join([f"{folder.name} has mistakes with this recipe, so model.py is as it was:", *found])
            )
    except BaseException:
        atomic_write(recipe, before)
        # Python takes compiled code of the other text for current where second and size are the same.
        os.utime(recipe, ns=(times.st_atime_ns, times.st_mtime_ns))
        raise
    return True


def _refuse_unfit(text: str, shown: Path) -> None:
    """Raises ScaffoldError for a text that makes no recipe: found here, not in the next training."""
    from sprintline.learning.recipes import Recipe

    with tempfile.TemporaryDirectory(prefix="sprintline-recipe-") as folder:
        file = Path(folder) / "model.py"
        file.write_text(text, encoding="utf-8")
        try:
            made = runpy.run_path(str(file)).get("recipe", lambda: None)()
            if isinstance(made, Recipe):
                made.build(0)
                made.twin(0)
        except Exception as error:
            why = f"{type(error).__name__}: {error}".splitlines()[0].replace(str(file), "the cell")
            raise ScaffoldError(
                f"{shown}: the recipe cannot be used ({why}); model.py is as it was"
            ) from error
    if not isinstance(made, Recipe):
        raise ScaffoldError(
            f"{shown}: the cell `# %% [recipe]` has no function recipe() that returns a Recipe; model.py is as it was"
        )


def _with_future(text: str, before: str) -> str:
    """The cell as a module: with the line that a cell does not need, where the module had it."""
    line = "from __future__ import annotations\n"
    if line not in before or line in text:
        return text
    documented = re.match(r'"""(?:.|\n)*?"""\n', text)
    end = documented.end() if documented else 0
    return f"{text[:end]}\n{line}\n{text[end:].lstrip()}"
