"""Which features a product's declared services give, by view, without Feast once that is known.

`views.py` is Python that imports Feast, which takes seconds. What it declares is therefore kept beside the registry
under the hash of its text, so that sensors and a code location that loads can ask as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sprintline.base.files import atomic_write
from sprintline.features.store import FeatureStore
from sprintline.features.views import Declared, FeatureError

FILE = "declared.json"


@dataclass(frozen=True)
class Given:
    """views: kind of each feature (a word of `frame_checks.KINDS`) by name, by view. services: its features by view."""

    views: Mapping[str, Mapping[str, str]]
    services: Mapping[str, Mapping[str, list[str]]]

    def of(self, service: str, views: list[str]) -> dict[str, str]:
        """Kind by feature that a service takes from those of its views that the product computes."""
        taken = self.services.get(service, {})
        return {name: self.views[view][name] for view in taken if view in views for name in taken[view]}

    def view_of(self, feature: str) -> str | None:
        """A view that has a feature, whether or not a service takes it."""
        return next((view for view, features in self.views.items() if feature in features), None)


def given(store: FeatureStore, *, quick: bool = False) -> Given | None:
    """What the product declares now; None where that cannot be read, or is not known yet and `quick` is asked."""
    file = store.state / FILE
    try:
        fingerprint = store.fingerprint()
    except FeatureError:
        return None  # reported by another check
    with suppress(OSError, ValueError, KeyError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["fingerprint"] == fingerprint:
            return Given(kept["views"], kept["services"])
    if quick:
        return None
    try:
        found = _given(store.declared())
    except FeatureError:
        return None
    _keep(file, {"fingerprint": fingerprint, "views": found.views, "services": found.services})
    return found


def _given(declared: Declared) -> Given:
    return Given(
        {view: declared.kinds(view) for view in declared.views},
        {service: declared.service_views(service) for service in declared.services},
    )


def _keep(file: Path, content: Mapping[str, object]) -> None:
    # A state folder that cannot be written to must not keep a check from answering.
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(file, json.dumps(content))
