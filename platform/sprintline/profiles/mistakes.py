"""Mistakes in accepted relations that show only beside the other sources of the product."""

from __future__ import annotations

from collections.abc import Iterator

from sprintline.landing.contracts import Contract
from sprintline.landing.declared_relations import is_relation, read_relation
from sprintline.landing.odcs import parse_contract
from sprintline.landing.published import feed_of
from sprintline.mechanisms.declaration.located_yaml import DeclarationError, read_yaml, suggest
from sprintline.product.checked import Check, Checked
from sprintline.product.runtime import Runtime


def _relations(product: Checked) -> Iterator[str]:
    contracts = _contracts(product)
    names = [source.name for source in product.spec.sources] if product.spec else []
    for place in product.spec.contracts.values() if product.spec else ():
        file = product.folder / place
        try:
            yaml = read_yaml(file.read_text(encoding="utf-8"), product.shown(file))
            parse_contract(file.read_text(encoding="utf-8"), product.shown(file))
        except (OSError, UnicodeDecodeError, DeclarationError):
            continue  # reported with the contract
        for index, rule in enumerate(yaml.data["schema"][0].get("quality") or ()):
            if not is_relation(rule):
                continue
            relation = read_relation(rule["implementation"]).relation
            at = ("schema", 0, "quality", index, "implementation")
            if relation.other and relation.other not in names:
                wrong = f"there is no source {relation.other}"
                yield yaml.mistake(at, wrong, suggest(relation.other, names)).located(product.shown(file))
            elif relation.other in contracts:
                known = contracts[relation.other].column_names
                for name in relation.other_columns:
                    if name not in known:
                        wrong = f"{relation.other} has no column {name}"
                        yield yaml.mistake(at, wrong, suggest(name, known)).located(product.shown(file))


def _contracts(product: Checked) -> dict[str, Contract]:
    """The contracts that can be read, by source."""
    found: dict[str, Contract] = {}
    if product.spec is None:
        return found
    runtime = Runtime(product.spec, product.folder, product.home)
    for source in product.spec.sources:
        try:
            place = product.spec.contracts.get(source.name)
            if place is None:
                found[source.name] = feed_of(runtime, source.name).contract
            else:
                file = product.folder / place
                found[source.name] = parse_contract(file.read_text(encoding="utf-8"), product.shown(file))
        except (OSError, UnicodeDecodeError, DeclarationError):
            continue  # reported elsewhere
    return found


CHECKS = (Check(32, _relations),)
