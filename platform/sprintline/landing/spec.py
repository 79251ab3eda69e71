"""Contracts: what a provider promises of a source, in the Open Data Contract Standard (ODCS)."""

from __future__ import annotations

from sprintline.landing.contracts import Contract
from sprintline.mechanisms.declaration.declarations import Declaration, Known


def _contract(text: str, filename: str, known: Known) -> Contract:
    from sprintline.landing.odcs import parse_contract

    return parse_contract(text, filename)


DECLARATIONS = (
    Declaration(
        file="contracts/*.yaml",
        title="the contract of a source, one file each",
        parse=_contract,
        made_by="sprintline add PRODUCT --from FILE",
        about="In the format ODCS v3.1, which its own reference describes. "
        "[Add a source](../how-to/add-a-source.md) describes which parts Sprintline reads.",
    ),
)
