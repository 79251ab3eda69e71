"""`defs.yaml`: what is read, and that every mistake is reported with its line and with what would be right."""
# ruff: noqa: E501 - the tables of mistakes are read row by row

import datetime
import pickle
import re

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from sprintline.mechanisms.declaration.declarations import declaration_of
from sprintline.mechanisms.declaration.located_yaml import read_yaml
from sprintline.product.spec import DeclarationError, ProductSpec, parse_product

GOOD = """\
type: sprintline.components.DataProduct

attributes:
  name: flight_delays
  title: Flight delays
  description: Will a flight arrive late?
  team:
    name: Punctuality
    owner: dana.reyes@example.org
    lead: sam.okafor@example.org
  owners: ["team:punctuality", dana.reyes@example.org]
  calendar:
    start: 2013-01-01
    length_days: 14
    timezone: America/New_York
    planned_until: "2014-07-01"
    lengths: {2013-S26: 15}
    holidays: [2013-07-04, 2013-12-25]
    increment_sprints: 6
  sources:
    - name: departures
      contract: contracts/departures.yaml
    - name: weather
      contract: contracts/weather.yaml
      description: Hourly observations
  features:
    service: flight_delays_v1
    lookback_sprints: 2
    views: [carrier_delays, airport_weather]
  model:
    label: late
    positive: arrives more than 15 minutes late
    new_data_rows: 40000
    seed: 7
  drift:
    share: 0.3
    window: 3
    confirm: 2
  rules:
    DQ101:
      severity: warn
      threshold: 0.05
    DQ102:
      waiver:
        approver: sam.okafor@example.org
        reason: the provider replaces its sensor
        expires: 2013-08-01
"""
KNOWN = {"DQ101", "DQ102", "FT201"}


def mistakes_of(text: str, known: set[str] | None = KNOWN) -> str:
    with pytest.raises(DeclarationError) as refused:
        parse_product(text, "products/x/defs.yaml", known_rules=known)
    return str(refused.value)


def test_a_good_declaration_is_read_whole() -> None:
    spec = parse_product(GOOD, "defs.yaml", known_rules=KNOWN)
    assert spec.calendar.start == "2013-01-01"  # unquoted in the file, and still text
    assert spec.calendar.lengths == {"2013-S26": 15}
    assert [source.name for source in spec.sources] == ["departures", "weather"]
    assert spec.model.questions == "questions"
    assert spec.rules["DQ101"].threshold == 0.05
    assert spec.rules["DQ102"].waiver is not None
    assert spec.rules["DQ102"].waiver.expires == "2013-08-01"
    assert spec.drift.confirm == 2


def test_defaults_make_a_short_declaration_whole() -> None:
    short = re.sub(r"  drift:.*", "", GOOD, flags=re.S)
    spec = parse_product(short, "defs.yaml")
    assert spec.drift.window == 3
    assert spec.rules == {}


def test_dates_that_another_reader_made_dates_are_accepted() -> None:
    attributes = yaml.safe_load(GOOD)["attributes"]
    assert isinstance(attributes["calendar"]["start"], datetime.date)
    assert ProductSpec.model_validate(attributes).calendar.start == "2013-01-01"


def test_dumped_and_validated_again_it_is_the_same() -> None:
    spec = parse_product(GOOD, "defs.yaml")
    assert ProductSpec.model_validate(spec.model_dump()) == spec
    assert ProductSpec.model_validate(spec) == spec


# (what is replaced, by what, line, path, words of the reason)
CASES = [
    ("  title: Flight", "  titel: Flight", 5, "attributes.titel", "unknown key; did you mean `title`?"),
    ("  title: Flight", "  titel: Flight", 3, "attributes.title", "is missing; add `title: Flight delays`"),
    ("name: flight_delays", "name: Flight Delays", 4, "attributes.name", "underscores: flight_delays"),
    ("title: Flight delays", "title: 12", 5, "attributes.title", 'put it in quotes: "12"'),
    ("title: Flight delays", 'title: " "', 5, "attributes.title", "is empty"),
    ("title: Flight delays", "title:", 5, "attributes.title", "is empty; expected text, for example"),
    ("owner: dana.reyes@example.org\n", "ownr: x\n", 9, "attributes.team.ownr", "did you mean `owner`?"),
    ('"team:punctuality"', "punctuality", 11, "attributes.owners[0]", "team:<name>"),
    ("dana.reyes@example.org]", '"team:punctuality"]', 11, "attributes.owners[1]", "given twice"),
    ("views: [carrier_delays,", "views: [drift,", 29, "attributes.features.views[0]", '"drift" is an asset that every product has; give the view'),
    ("views: [carrier_delays,", "views: [weather,", 29, "attributes.features.views[0]", '"weather" is the name of a source'),
    ("name: weather", "name: predictions", 23, "attributes.sources[1].name", "is an asset that every product has; give the source"),
    ("start: 2013-01-01", "start: 2013-13-01", 13, "attributes.calendar.start", "is not a date"),
    ("start: 2013-01-01", "start: 1 Jan 2013", 13, "attributes.calendar.start", '"2013-01-01"'),
    ("start: 2013-01-01", "start: 20130101", 13, "attributes.calendar.start", "expected text"),
    ("length_days: 14", 'length_days: "14"', 14, "attributes.calendar.length_days", "expected a whole number"),
    ("length_days: 14", "length_days: 14.5", 14, "attributes.calendar.length_days", "for example 14"),
    ("length_days: 14", "length_days: 0", 14, "attributes.calendar.length_days", "at least 1 and at most 366"),
    ("length_days: 14", "length_days: 367", 14, "attributes.calendar.length_days", "at least 1 and at most 366"),
    ("length_days: 14", "length_days: yes", 14, "attributes.calendar.length_days", "truth value"),
    ("length_days: 14", "length_days: 014", 14, "attributes.calendar.length_days", "octal"),
    ("length_days: 14", "length_days: 14:30", 14, "attributes.calendar.length_days", "base 60"),
    ("America/New_York", "America/NewYork", 15, "attributes.calendar.timezone", "`America/New_York`"),
    ("America/New_York", "../etc/passwd", 15, "attributes.calendar.timezone", "does not exist"),
    ('"2014-07-01"', "2013-01-01", 16, "attributes.calendar.planned_until", "not after the start 2013-01-01"),
    ('"2014-07-01"', "2013-01-10", 16, "attributes.calendar.planned_until", "2013-01-15 or later"),
    ('"2014-07-01"', "2113-01-10", 16, "attributes.calendar.planned_until", "50 years"),
    ("{2013-S26: 15}", "{S26: 15}", 17, "attributes.calendar.lengths.S26", "2013-S07"),
    ("lengths: {2013-S26: 15}", "length_days_from: {S26: 15}", 17, "attributes.calendar.length_days_from.S26", "2013-S07"),
    ("lengths: {2013-S26: 15}", "length_days_from: {2013-S07: 3}", 17, "attributes.calendar.length_days_from.2013-S07", "keys of three digits"),
    ("{2013-S26: 15}", "{2013-S26: 400}", 17, "attributes.calendar.lengths.2013-S26", "out of range"),
    ("- name: weather", "- name: departures", 23, "attributes.sources[1].name", "the source \"departures\""),
    ("contracts/weather.yaml", "contracts/departures.yaml", 24, "attributes.sources[1].contract", "twice"),
    ("contracts/weather.yaml", "../weather.yaml", 24, "attributes.sources[1].contract", "product's folder"),
    ("contracts/weather.yaml", "/etc/weather.yaml", 24, "attributes.sources[1].contract", "product's folder"),
    ("      contract: contracts/weather.yaml\n", "", 23, "attributes.sources[1].contract", "is missing; add"),
    ("contract: contracts/weather.yaml", "published: {product: p, table: t, version: 1}", 24,
     "attributes.sources[1].published.version", "text"),
    ("contract: contracts/weather.yaml", 'published: {product: p, table: t, version: "1.2"}', 24,
     "attributes.sources[1].published.version", "is not a contract version; write one version"),
    ("contract: contracts/weather.yaml", 'published: {product: p, table: t}', 24,
     "attributes.sources[1].published.version", "is missing"),
    ("contract: contracts/weather.yaml", 'contract: c.yaml\n      published: {product: p, table: t, version: ^1}', 25,
     "attributes.sources[1].published", "the rows would come from two places"),
    ("contract: contracts/weather", "contarct: contracts/weather", 24, "attributes.sources[1].contarct", "`contract`"),
    ("description: Hourly observations", "rows: 10", 25, "attributes.sources[1].rows", "unknown key"),
    ("[carrier_delays, airport_weather]", "[]", 29, "attributes.features.views", "is empty"),
    ("[carrier_delays, airport_weather]", "carrier_delays", 29, "attributes.features.views", "expected a list"),
    ("[carrier_delays, airport_weather]", "[a, a]", 29, "attributes.features.views[1]", "twice"),
    ("flight_delays_v1", '"{{ env.SERVICE }}"', 27, "attributes.features.service", "template"),
    ("seed: 7", "seed: -1", 34, "attributes.model.seed", "at least 0"),
    ("share: 0.3", "share: 30", 36, "attributes.drift.share", "at most 1"),
    ("share: 0.3", "share: .nan", 36, "attributes.drift.share", "share"),
    ("confirm: 2", "confirm: 4", 38, "attributes.drift.confirm", "at most 3"),
    ("    DQ101:", "    DQ109:", 40, "attributes.rules.DQ109", "there is no rule DQ109"),
    ("    DQ101:", "    dq-101:", 40, "attributes.rules.dq-101", "DQ101"),
    ("severity: warn", "severity: warning", 41, "attributes.rules.DQ101.severity", "did you mean `warn`?"),
    ("severity: warn", "severity: off", 41, "attributes.rules.DQ101.severity", "waive"),
    ("severity: warn", 'severity: "off"', 41, "attributes.rules.DQ101.severity", "waive"),
    ("severity: warn", "severity:", 41, "attributes.rules.DQ101.severity", "is empty"),
    ("      severity: warn\n      threshold: 0.05\n", "      severity:\n", 40, "attributes.rules.DQ101", "changes nothing"),
    ("threshold: 0.05", "threshold: .inf", 42, "attributes.rules.DQ101.threshold", "finite"),
    ("threshold: 0.05", "threshold: 5%", 42, "attributes.rules.DQ101.threshold", "expected a number"),
    ("        approver: sam.okafor@example.org\n", "", 44, "attributes.rules.DQ102.waiver.approver", "missing"),
    ("        reason: the provider replaces its sensor\n", "", 44, "attributes.rules.DQ102.waiver.reason", "missing"),
    ("        expires: 2013-08-01\n", "", 44, "attributes.rules.DQ102.waiver.expires", "missing"),
    ("expires: 2013-08-01", "expires: next week", 47, "attributes.rules.DQ102.waiver.expires", "is not a date"),
    ("attributes:", "attribute:", 3, "attribute", "did you mean `attributes`?"),
    ("type: sprintline.components.DataProduct\n", "\n", 1, "type", "add `type: sprintline.components.DataProduct`"),
    ("components.DataProduct", "components.Dataproduct", 1, "type", "is not a data product"),
    ("\nattributes:", "name: x\nattributes:", 2, "name", "put it under `attributes`"),
    ("  title: Flight delays", "  title: a\n  title: b", 6, "attributes.title", "given twice, first in line 5"),
    ("title: Flight delays", "title: Flight: delays", 5, "YAML syntax", "quote a value that contains `: `"),
    ("  title: Flight delays", "\ttitle: Flight delays", 5, "YAML syntax", "never with tabs"),
    ("expires: 2013-08-01", 'expires: "2013-08-01', 48, "YAML syntax", "close the quotation mark"),
    ("  title: Flight delays", " title: Flight delays", 5, "YAML syntax", "align this line"),
    ("[2013-07-04, 2013-12-25]", "[2013-07-04, 2013-12-25", 19, "YAML syntax", "close the bracket"),
    ("title: Flight delays", "title: *x", 5, "YAML syntax", "anchor"),
    ("title: Flight delays", "title: !!python/name:os.system x", 5, "YAML syntax", "!tag"),
    ("title: Flight delays", "title: Flight\x00", 5, "YAML syntax", "control character"),
    ("  owners: [", "---\n  owners: [", 11, "YAML syntax", "one document"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "words"), CASES, ids=[f"{c[3]} {c[1][:20]!r}" for c in CASES]
)
def test_a_mistake_is_told_with_line_path_and_mend(
    old: str, new: str, line: int, path: str, words: str
) -> None:
    assert GOOD.count(old) >= 1
    message = mistakes_of(GOOD.replace(old, new, 1))
    told = [
        text for text in message.splitlines() if text.startswith(f"products/x/defs.yaml:{line}: {path}: ")
    ]
    assert told, message
    assert any(words in text for text in told), message
    assert all("; " in text.split(": ", 2)[2] for text in message.splitlines()), (
        "every mistake says what would be right"
    )


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = GOOD.replace("title:", "titel:").replace("length_days: 14", 'length_days: "14"')
    text = text.replace("name: weather", "name: departures").replace("confirm: 2", "confirm: 5")
    text = text.replace("severity: warn", "severity: off").replace(
        'planned_until: "2014', 'planned_until: "2012'
    )
    text = (
        text.replace("DQ102", "DQ999")
        .replace("approver:", "aprover:")
        .replace("start: 2013-01-01", "start: 2013-01-01")
    )
    lines = mistakes_of(text).splitlines()
    numbers = [int(line.split(":")[1]) for line in lines]
    assert numbers == sorted(numbers)
    for path in ("title", "titel", "calendar.length_days", "calendar.planned_until", "sources[1].name", "drift.confirm",
                 "rules.DQ101.severity", "rules.DQ999", "rules.DQ999.waiver.aprover", "rules.DQ999.waiver.approver"):  # fmt: skip
        assert any(f" attributes.{path}: " in line for line in lines), path
    assert len(lines) == len({line.split(": ")[1] for line in lines}), "one mistake per place"


@pytest.mark.parametrize(
    "text", ["", "\n# nothing\n", "- a\n", "just words", "null", "3", "{}", "attributes: []\n"]
)
def test_what_is_no_declaration_is_refused(text: str) -> None:
    assert mistakes_of(text).startswith("products/x/defs.yaml:")


def test_rule_codes_are_only_checked_for_their_form_without_a_rule_set() -> None:
    parse_product(GOOD.replace("DQ101", "ZZ999"), "defs.yaml")


def test_without_yaml_the_model_refuses_too() -> None:
    attributes = yaml.safe_load(GOOD)["attributes"] | {"surprise": 1}
    with pytest.raises(ValidationError, match="surprise"):
        ProductSpec.model_validate(attributes)


def test_the_error_survives_a_process_boundary() -> None:
    with pytest.raises(DeclarationError) as refused:
        parse_product("a: 1", "x.yaml")
    again = pickle.loads(pickle.dumps(refused.value))
    assert str(again) == str(refused.value)
    assert again.mistakes == refused.value.mistakes


def test_an_alias_that_contains_itself_is_no_endless_loop() -> None:
    message = mistakes_of("type: a.DataProduct\nattributes: &a\n  team: *a\n")
    assert message.startswith("products/x/defs.yaml:3: ") or message.startswith("products/x/defs.yaml:2: ")
    assert "contains itself; write the value out" in message


def test_both_yaml_readers_see_the_same_lines() -> None:
    document = read_yaml(GOOD, "defs.yaml")
    numbered = GOOD.splitlines()
    for path in [("attributes", "calendar", "timezone"), ("attributes", "sources", 1, "contract"), ("type",)]:
        assert str(path[-1]) in numbered[document.line(path) - 1]


def examples(model: type[BaseModel]) -> list[tuple[str, str]]:
    return [(model.__name__, name) for name, field in model.model_fields.items() if not field.examples]


def test_every_field_has_an_example_and_a_description() -> None:
    import sprintline.product.spec as declarations

    models = [
        value
        for value in vars(declarations).values()
        if isinstance(value, type) and issubclass(value, BaseModel)
    ]
    assert len(models) >= 9
    assert [place for model in models for place in examples(model)] == []
    assert all(field.description for model in models for field in model.model_fields.values())


def test_a_threshold_for_a_rule_that_has_none_is_told_with_its_line():
    with pytest.raises(
        DeclarationError, match=r"defs.yaml:42: attributes.rules.DQ101.threshold: .*no threshold"
    ):
        parse_product(GOOD, "defs.yaml", known_rules=KNOWN, fixed_rules={"DQ101"})
    assert parse_product(GOOD, "defs.yaml", known_rules=KNOWN, fixed_rules={"DQ102"})


def test_keys_that_nothing_reads_any_more_load_and_are_named_with_their_line() -> None:
    assert not hasattr(parse_product(GOOD, "defs.yaml").calendar, "holidays")
    told = [one.located("defs.yaml") for one in declaration_of(ProductSpec).unread(GOOD, "defs.yaml")]
    assert told == [
        "defs.yaml:10: attributes.team.lead: has no effect any more; remove it",
        "defs.yaml:18: attributes.calendar.holidays: has no effect any more; remove it",
        "defs.yaml:19: attributes.calendar.increment_sprints: has no effect any more; remove it",
    ]
    with pytest.raises(DeclarationError, match="unknown key"):  # only where it was a key
        parse_product(GOOD.replace("    lead:", "    leader:"), "defs.yaml")
