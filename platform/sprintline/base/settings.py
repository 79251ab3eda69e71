"""What can be set, and where state lives.

Every environment variable the platform reads is declared here and nowhere else, with its default and its meaning;
`sprintline settings` shows them, and `docs/reference/settings.md` is written from them. Every path the embedded default
writes is named here as well.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sprintline.base.postgresql_schemas import SCHEMAS, in_schema

ROOT = Path(__file__).resolve().parents[3]
"""The clone: the folder that holds `platform/`, `dbt_project/` and `feature_repo/`."""

POOL = "duckdb"
"""Runs that touch a warehouse run one at a time: its file has one writer, and a sprint depends on the one before."""

MASK = "***"
"""What is shown in the place of a secret."""


LOOPBACK, EVERY_ADDRESS = "127.0.0.1", "0.0.0.0"  # noqa: S104 - for a container, by a setting
"""Where the UI may listen: reached from this machine only, or, in a container, from where its port is published."""


class SettingError(ValueError):
    """A setting cannot be used as it is; the message names it and says what would be right."""


@dataclass(frozen=True)
class Setting:
    """One environment variable.

    Attributes:
        default: what holds when it is not set; for people where it is not the value itself.
        kind: `text`, `path`, `flag` (set and not 0), `days` (a whole number), `packages`, `address` (one of two),
            `sqlite or postgresql`, `postgresql`.
        secret: it may hold a password: it can be read from the file that `<name>_FILE` names, and is never shown whole.
        ours: the platform sets it for a tool that it calls; a person does so only to call that tool by hand.
    """

    name: str
    default: str
    meaning: str
    kind: str = "text"
    secret: bool = False
    ours: bool = False


DECLARED: tuple[Setting, ...] = (
    Setting(
        "SPRINTLINE_HOME", ".sprintline in the clone", "The state folder: everything the platform writes lies in it.",
        "path",
    ),
    Setting("SPRINTLINE_DEBUG", "", "Commands show the traceback of an error.", "flag"),
    Setting(
        "SPRINTLINE_DATABASE_URL", "",
        "A PostgreSQL database for records, MLflow and Dagster together, each in its own schema: "
        f"{', '.join(SCHEMAS.values())}. Empty: SQLite files in the state folder.",
        "postgresql", secret=True,
    ),
    Setting(
        "SPRINTLINE_RECORDS_URL", "", "The database of verdicts and ledger, where it is another.",
        "sqlite or postgresql", secret=True,
    ),
    Setting("SPRINTLINE_MLFLOW_URL", "", "MLflow's database, where it is another.", "postgresql", secret=True),
    Setting("SPRINTLINE_DAGSTER_URL", "", "Dagster's database, where it is another.", "postgresql", secret=True),
    Setting(
        "SPRINTLINE_KEYS", "~/.config/sprintline/keys",
        "The folder of the key that signs the ledger, made on first use. It lies outside the state folder and belongs "
        "in no backup of it.",
        "path",
    ),
    Setting(
        "SPRINTLINE_LEDGER_COPY", "",
        "A folder outside the state folder, one for each ledger, where a copy of every head of the ledger is added; "
        "best one that this machine can only add to. It must be there. Empty: no copies.",
        "path",
    ),
    Setting(
        "SPRINTLINE_LISTEN", "127.0.0.1",
        "The address that the Dagster UI listens on: 127.0.0.1, or 0.0.0.0 in a container whose port is published on "
        "loopback. The UI asks no one for a password.",
        "address",
    ),
    Setting(
        "SPRINTLINE_KEEP_RUN_LOGS_DAYS", "90",
        "Logs of runs that ended so long ago are removed; the runs, what they materialized and every check stay.",
        "days",
    ),
    Setting(
        "SPRINTLINE_KEEP_LAKE_DAYS", "30",
        "Lake files that were replaced so long ago are removed, unless a kept model was made from them.", "days",
    ),
    Setting(
        "SPRINTLINE_KEEP_PAGES_DAYS", "365",
        "Evidently's pages of sprints that drifted are removed after so long; the figures of every report stay.",
        "days",
    ),
    Setting(
        "SPRINTLINE_KEEP_QUARANTINE_DAYS", "90", "Refused files and their reasons are removed after so long.", "days"
    ),
    Setting("SPRINTLINE_KEEP_DBT_DAYS", "30", "dbt's logs and compiled SQL are removed after so long.", "days"),
    Setting(
        "SPRINTLINE_EXTENSIONS", "",
        "Python packages, separated by commas, that add rules, pages, commands and more to the platform by files named "
        "as its own are.",
        "packages",
    ),
    Setting(
        "SPRINTLINE_FAILPOINT", "",
        "Kills the process at a named place, for tests of crashes: see `sprintline failpoints`.",
    ),
    Setting("SPRINTLINE_PRODUCT", "flight_delays", "The data product that dbt or Feast works on.", ours=True),
    Setting("SPRINTLINE_SPRINT", "", "The sprint whose rows dbt builds.", ours=True),
    Setting("SPRINTLINE_LAKE", "lake in the state folder", "The lake that dbt reads.", "path", ours=True),
    Setting(
        "SPRINTLINE_WAREHOUSE", "warehouse/<product>.duckdb in the state folder", "The file that dbt writes.", "path",
        ours=True,
    ),
)  # fmt: skip
"""Every setting, in the order of the reference page."""

_BY_NAME = {one.name: one for one in DECLARED}

_PREFIX, _ALMOST = "SPRINTLINE_", 0.7

_SCHEMES = {
    "postgresql": r"postgresql(\+psycopg2)?://.+",
    "sqlite or postgresql": r"(sqlite|postgresql(\+psycopg2)?)://.+",
}


def read(name: str) -> str:
    """The value of a setting: from the environment, or of a secret from the file that `<name>_FILE` names; else "".

    Raises:
        SettingError: the value is not of its kind, the file cannot be read, or both ways are used at once.
    """
    return checked(_BY_NAME[name], _given(_BY_NAME[name]))


def refuse_misspelt(given: Iterable[str]) -> None:
    """Refuse names of the environment that are almost a setting's: the setting would silently have its default.

    Raises SettingError.
    """
    known = {*_BY_NAME, *(f"{one.name}_FILE" for one in DECLARED if one.secret)}
    short = {name.removeprefix(_PREFIX): name for name in sorted(known)}
    for name in sorted(given):
        if not name.startswith(_PREFIX) or name in known:
            continue
        if near := difflib.get_close_matches(name.removeprefix(_PREFIX), short, n=1, cutoff=_ALMOST):
            raise SettingError(
                f"{name} is not a setting: did you mean {short[near[0]]}? Rename it, or unset {name}"
            )


def days(name: str) -> int:
    """The value of a setting of kind `days`, its default where it is not set. Raises SettingError."""
    return int(read(name) or _BY_NAME[name].default)


def keys_folder() -> Path | None:
    """The folder of the keys that sign the ledger; None where this user has no home folder and none is set."""
    if given := read("SPRINTLINE_KEYS"):
        folder = Path(given).expanduser().resolve()
        if folder.exists() and not folder.is_dir():
            raise SettingError(f"SPRINTLINE_KEYS is {given!r}, which is a file: name the folder of the keys")
        return folder
    try:
        return Path(_BY_NAME["SPRINTLINE_KEYS"].default).expanduser()
    except RuntimeError:
        return None


def ledger_copy() -> Path | None:
    """The folder for copies of the ledger's head; None where none are kept."""
    given = read("SPRINTLINE_LEDGER_COPY")
    return Path(given).expanduser().resolve() if given else None


def listen() -> str:
    """The address that the UI listens on, loopback unless it is set. Raises SettingError."""
    return read("SPRINTLINE_LISTEN") or LOOPBACK


def extensions() -> tuple[str, ...]:
    """Packages that add to the platform (`SPRINTLINE_EXTENSIONS`). Raises SettingError."""
    return tuple(name.strip() for name in read("SPRINTLINE_EXTENSIONS").split(",") if name.strip())


def checked(setting: Setting, value: str) -> str:
    """The value, if it is of the setting's kind or empty. Raises SettingError, which never tells a secret."""
    shown = MASK if setting.secret else repr(value)
    if not value:
        return value
    if setting.kind == "days" and not re.fullmatch(r"\d{1,5}", value):
        raise SettingError(f"{setting.name} is {shown}: give a whole number of days, like {setting.default}")
    if (scheme := _SCHEMES.get(setting.kind)) and not re.fullmatch(scheme, value):
        # Everything before :// is no secret, and most mistakes are made there.
        begins = f"begins with {value.partition('://')[0]}://" if "://" in value else "is no URL"
        raise SettingError(f"{setting.name} {begins}: write {_example(setting.kind)}")
    if setting.kind == "address" and value not in (LOOPBACK, EVERY_ADDRESS):
        raise SettingError(
            f"{setting.name} is {shown}: write {LOOPBACK}, or {EVERY_ADDRESS} in a container whose port is published "
            f"on loopback"
        )
    if setting.kind == "packages" and not all(part.strip().isidentifier() for part in value.split(",")):
        raise SettingError(
            f"{setting.name} is {shown}: give names of top-level packages, separated by commas"
        )
    if setting.kind == "path" and "\0" in value:
        raise SettingError(f"{setting.name} is {shown}: give the path of a folder")
    return value


def shown(setting: Setting) -> tuple[str, str]:
    """A setting's value as it may be shown, and where it is from: `environment`, `file` or `default`.

    Raises:
        SettingError: the value is not of its kind.
    """
    value = read(setting.name)
    if not value:
        return setting.default, "default"
    where = "environment" if os.environ.get(setting.name) else "file"
    return (masked(value) if setting.secret else value), where


def masked(url: str) -> str:
    """A URL without its password; of a text that is none, only the mask."""
    try:
        parts = urlsplit(url)
        hidden = bool(parts.scheme)
    except ValueError:
        hidden = False
    if not hidden:
        return MASK
    account, at, place = parts.netloc.rpartition("@")
    user, colon, _ = account.partition(":")
    query = re.sub(r"(?i)(pass\w*=)[^&]*", rf"\1{MASK}", parts.query)
    shown = parts._replace(netloc=f"{user}{colon}{MASK if colon else ''}{at}{place}", query=query)
    return shown.geturl() if parts.netloc else url


def without_secrets(text: str) -> str:
    """A message in which no secret stands, whoever wrote it."""
    for setting in DECLARED:
        if not setting.secret:
            continue
        try:
            value = _given(setting)
        except SettingError:
            continue
        for secret in _secrets_in(value):
            text = text.replace(secret, MASK)
    return text


def _given(setting: Setting) -> str:
    value, file = os.environ.get(setting.name, ""), os.environ.get(f"{setting.name}_FILE", "")
    if not (setting.secret and file):
        return value
    if value:
        raise SettingError(f"{setting.name} and {setting.name}_FILE are both set: unset one")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        told = getattr(error, "strerror", None) or "it is no text"
        raise SettingError(f"{setting.name}_FILE names {file}, which cannot be read: {told}") from error


def _secrets_in(value: str) -> list[str]:
    """The password of a URL as it is written and as it is meant, longest first."""
    account = value.partition("://")[2].rpartition("@")[0]
    found = {account.partition(":")[2], *re.findall(r"(?i)pass\w*=([^&]+)", value)}
    # A one-letter password would mask half of every message and hide nothing.
    return sorted(
        {one for said in found for one in (said, unquote(said)) if len(one) > 2}, key=len, reverse=True
    )


def _example(kind: str) -> str:
    server = "postgresql://user:password@host:5432/database"
    return server if kind == "postgresql" else f"sqlite:////folder/records.db or {server}"


@dataclass(frozen=True)
class Home:
    """The state folder and its rooms. Creating one touches no disk."""

    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def procedures(self) -> Path:
        """Locks by which processes take turns at a product's procedures."""
        return self.root / "procedures"

    @property
    def processes(self) -> Path:
        """A folder per start of `sprintline ui` or `replay`: its processes and their logs."""
        return self.root / "processes"

    @property
    def serving(self) -> Path:
        """A folder per product: what the gateway answers from, and the log of what it answered."""
        return self.root / "serving"

    @property
    def site(self) -> Path:
        return self.root / "site"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"

    @property
    def dbt(self) -> Path:
        return self.root / "dbt"

    @property
    def clock(self) -> Path:
        """Holds the replay's "now"; absent when the platform runs on the wall clock."""
        return self.root / "clock"

    @property
    def ledger_head(self) -> Path:
        """The file with the head of the ledger."""
        return self.root / "ledger.head"

    @property
    def records_url(self) -> str:
        """Where verdicts and ledger are. Raises SettingError."""
        return _database("RECORDS") or f"sqlite:///{self.root / 'records.db'}"

    @property
    def mlflow_url(self) -> str:
        """Where MLflow keeps runs and versions. Raises SettingError."""
        return _database("MLFLOW") or f"sqlite:///{self.models / 'mlflow.db'}"

    @property
    def dagster_url(self) -> str | None:
        """Where Dagster keeps runs and events; None for SQLite files in its folder. Raises SettingError."""
        found = _database("DAGSTER") or None
        if found is not None and found == _database("MLFLOW"):
            raise SettingError(
                "SPRINTLINE_DAGSTER_URL and SPRINTLINE_MLFLOW_URL are the same, and both keep a table `runs`: name two "
                "databases, or set SPRINTLINE_DATABASE_URL alone, which gives each a schema of its own"
            )
        return found

    def warehouse_file(self, product: str) -> Path:
        return self.root / "warehouse" / f"{product}.duckdb"

    def rooms_of(self, product: str) -> tuple[Path, ...]:
        """What is a product's alone: files, tables, features, reports, pages. Records are of all products."""
        shared = (
            self.landing, self.quarantine, self.lake, self.features, self.reports, self.dbt, self.serving, self.site,
        )  # fmt: skip
        return (*(room / product for room in shared), self.warehouse_file(product))

    def dbt_target(self, product: str) -> Path:
        return self.dbt / product / "target"


def _database(name: str) -> str:
    """The URL of one of the three databases: its own, or a schema of the common one; "" for a file."""
    if own := read(f"SPRINTLINE_{name}_URL"):
        return own
    common = read("SPRINTLINE_DATABASE_URL")
    if not common:
        return ""
    if "options=" in common:
        raise SettingError(
            "SPRINTLINE_DATABASE_URL has options of its own, and each database gets its schema by them: set "
            "SPRINTLINE_RECORDS_URL, SPRINTLINE_MLFLOW_URL and SPRINTLINE_DAGSTER_URL instead"
        )
    return in_schema(common, name)


def home() -> Home:
    """The state folder in force: `SPRINTLINE_HOME`, or `.sprintline/` in the clone."""
    return Home(Path(read("SPRINTLINE_HOME") or ROOT / ".sprintline").resolve())
