"""`sprintline settings`: what can be set, what is in force, and the page about it."""

from __future__ import annotations

import json
from typing import Any

import click

from sprintline.base import settings
from sprintline.base.settings import DECLARED, Setting, SettingError

PAGE_HEAD = """\
# Settings

Every setting is an environment variable; `sprintline settings` shows the values in force. How to keep secrets:
[set and keep secrets](../how-to/set-and-keep-secrets.md).
"""


@click.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Names, values in force and meanings as JSON.")
def settings_command(as_json: bool) -> int:
    """Every setting, its value in force and where that is from; secrets are masked.

    Invalid values are reported, and the exit code is 1.
    """
    rows = [_row(one) for one in DECLARED]
    wrong = [row["wrong"] for row in rows if row["wrong"]] + _together()
    if as_json:
        click.echo(json.dumps({"settings": rows, "wrong": wrong}, indent=2))
    else:
        _table(rows)
        for told in wrong:
            click.echo(f"sprintline: {told}", err=True)
    return 1 if wrong else 0


def page() -> str:
    """The reference page of all settings, as Markdown."""
    people, ours = ([one for one in DECLARED if one.ours is hidden] for hidden in (False, True))
    lines = [PAGE_HEAD, *_rows(people)]
    lines += [
        "",
        "A secret can be given in a file instead: `SPRINTLINE_RECORDS_URL_FILE=/run/secrets/records` in the place of",
        "`SPRINTLINE_RECORDS_URL`. Kinds: `days` is a whole number; a `flag` is on when it is set to anything but 0.",
        "",
        "## Set by the platform",
        "",
        "The platform sets these for the tools it calls. Set them yourself only to call `dbt` or `feast` by hand.",
        "",
        *_rows(ours),
    ]
    return "\n".join(lines) + "\n"


def _rows(chosen: list[Setting]) -> list[str]:
    lines = ["| setting | kind | default | meaning |", "|---|---|---|---|"]
    for one in chosen:
        kind = f"{one.kind}, secret" if one.secret else one.kind
        lines.append(f"| `{one.name}` | {kind} | {one.default or 'none'} | {one.meaning} |")
    return lines


def _row(setting: Setting) -> dict[str, Any]:
    wrong = ""
    try:
        value, source = settings.shown(setting)
    except SettingError as error:
        value, source, wrong = "", "", str(error)
    return {
        "name": setting.name,
        "value": value,
        "from": source,
        "default": setting.default,
        "kind": setting.kind,
        "secret": setting.secret,
        "meaning": setting.meaning,
        "wrong": wrong,
    }


def _together() -> list[str]:
    """What is wrong only of several settings at once."""
    home = settings.home()
    try:
        _ = home.records_url, home.mlflow_url, home.dagster_url
    except SettingError as error:
        return [str(error)] if not any(_row(one)["wrong"] == str(error) for one in DECLARED) else []
    return []


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from sprintline.base.terminal import Column, print_rows

    print_rows(
        [Column("setting"), Column("value", wraps=True), Column("from"), Column("meaning", wraps=True)],
        [
            [
                row["name"],
                Text("wrong", style="red") if row["wrong"] else row["value"],
                row["from"],
                row["meaning"],
            ]
            for row in rows
        ],
    )


COMMANDS = (settings_command,)
