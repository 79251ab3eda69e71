"""Modules that a team's product imports, under the names they had before.

The code of a product outlives a move inside the platform: what its `model.py`, `sources.py` and `views.py` imported
still imports, with a deprecation warning that names the new place.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "sprintline.core.calendar": "sprintline.product.calendar",
    "sprintline.core.recipes": "sprintline.learning.recipes",
    "sprintline.stores.feature_views": "sprintline.features.views",
    "sprintline.stores.samples": "sprintline.landing.samples",
}
"""New name of each module by its old one. The old ones go with version 1.0."""

_PACKAGES = frozenset(name.rpartition(".")[0] for name in MOVED)


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in _PACKAGES:
            return ModuleSpec(fullname, self, is_package=True)
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        new = MOVED.get(spec.name)
        if new is None:
            return None
        warnings.warn(f"{spec.name} is now {new}: import it from there", DeprecationWarning, stacklevel=2)
        return import_module(new)

    def exec_module(self, module: ModuleType) -> None:
        pass


def install() -> None:
    """Let the old names be imported. Safe to repeat."""
    if not any(isinstance(one, _Finder) for one in sys.meta_path):
        sys.meta_path.append(_Finder())
