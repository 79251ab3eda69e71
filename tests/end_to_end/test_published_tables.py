"""docs/how-to/read-another-products-table.md, walked through: one scaffolded product reads what another publishes."""

from __future__ import annotations

import re
import shlex

import pytest
import yaml

from sprintline.base.settings import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.end_to_end]

PAGE = (ROOT / "docs" / "how-to" / "read-another-products-table.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_the_page_is_true(clone):
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert commands[0] == "sprintline new parcels"
    for command in commands[1:]:
        clone.run(*shlex.split(command)[1:], timeout=900)
    for product, block in zip(("parcels", "bakery"), blocks("yaml"), strict=True):
        declared = yaml.safe_load((clone.root / f"platform/products/{product}/defs.yaml").read_text())[
            "attributes"
        ]
        for key, entries in yaml.safe_load(block).items():
            assert entries[0] in declared[key]
    told = clone.run("status", "bakery", "--json").stdout
    rows = {row["sprint"]: row for row in yaml.safe_load(told)["products"][0]["sprints"]}
    for sprint in ("2026-S01", "2026-S02"):
        assert rows[sprint]["state"] == "closed" and rows[sprint]["rows"]["parcel_orders"] > 500
        assert not [reason for reason in rows[sprint]["missing"] if "parcel_orders" in reason]
    refused = clone.run("remove", "parcels", "--yes", check=False)
    assert refused.returncode == 1 and "bakery reads orders" in refused.stderr
