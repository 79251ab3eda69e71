"""The products of a clone, and the records of a state folder, as commands look for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.base.errors import Refusal

if TYPE_CHECKING:
    pass


def product_folders(root: Path) -> list[Path]:
    """Folders of the products of a clone, by name; a name that starts with `_` or `.` is not a product."""
    products = root / "platform" / "products"
    if not products.is_dir():
        return []
    return sorted(
        folder
        for folder in products.iterdir()
        if folder.is_dir() and folder.name[0] not in "_." and any(folder.glob("*.*"))
    )


def chosen_folders(root: Path, product: str | None) -> list[Path]:
    """All product folders, or the one that is named. Raises Refusal when there is no product of this name."""
    folders = product_folders(root)
    if product is None:
        return folders
    found = [folder for folder in folders if folder.name == product]
    if not found:
        known = (
            ", ".join(folder.name for folder in folders) or "none yet: make one with `sprintline new PRODUCT`"
        )
        raise Refusal(
            f"there is no product {product} in {root / 'platform' / 'products'}; the products are {known}",
            code=2,
        )
    return found
