"""ODCS contracts: what is read, what schema follows, and that every mistake is reported with its line."""
# ruff: noqa: E501 - the tables of mistakes are read row by row

import json

import pandas as pd
import pytest
from open_data_contract_standard.model import OpenDataContractStandard

from sprintline.landing.contracts import repeated_rows
from sprintline.landing.odcs import parse_contract
from sprintline.mechanisms.declaration.located_yaml import DeclarationError

GOOD = """\
apiVersion: v3.1.0
kind: DataContract
id: flight-delays-departures
name: Departures
version: "1.0.0"
status: active
description:
  purpose: Flights as they left
schema:
  - name: departures
    quality:
      - {metric: rowCount, mustBeBetween: [10000, 16000]}
      - {metric: duplicateValues, arguments: {properties: [tailnum, left_at]}, mustBe: 0}
      - {type: text, description: flights of one day only}
    properties:
      - name: flight
        logicalType: integer
        primaryKey: true
        primaryKeyPosition: 2
        description: flight number
        classification: public
        logicalTypeOptions: {minimum: 1, maximum: 9999}
      - name: carrier
        logicalType: string
        primaryKey: true
        primaryKeyPosition: 1
        description: airline
        classification: public
        logicalTypeOptions: {minLength: 2, maxLength: 2}
        quality:
          - {metric: invalidValues, arguments: {validValues: [AA, UA, "9E"], pattern: '^[A-Z0-9]+$'}, mustBe: 0}
      - name: tailnum
        logicalType: string
        description: aircraft
        classification: internal
        logicalTypeOptions: {pattern: '^N'}
      - name: distance
        logicalType: number
        description: way in miles
        classification: public
        logicalTypeOptions: {exclusiveMinimum: 0}
        customProperties: [{property: unit, value: mile}]
      - name: left_at
        logicalType: timestamp
        required: true
        description: when it left
        classification: public
        logicalTypeOptions: {minimum: "2000-01-01T00:00:00Z", defaultTimezone: UTC}
      - name: day
        logicalType: date
        description: local day
        classification: public
        logicalTypeOptions: {minimum: 2000-01-01}
        quality: [{metric: nullValues, mustBe: 0}]
      - name: diverted
        logicalType: boolean
        description: landed elsewhere
        classification: confidential
      - name: passenger
        logicalType: string
        unique: true
        description: who
        classification: personal
customProperties:
  - {property: eventAt, value: left_at}
  - {property: knownAt, value: left_at}
  - {property: timezone, value: America/New_York}
  - {property: checksum, value: required}
  - {property: steward, value: Dana}
slaProperties:
  - {property: frequency, value: 14, unit: d}
"""


def mistakes_of(text: str) -> str:
    with pytest.raises(DeclarationError) as refused:
        parse_contract(text, "contracts/d.yaml")
    return str(refused.value)


def test_a_good_contract_is_read_whole() -> None:
    contract = parse_contract(GOOD, "d.yaml")
    assert (contract.name, contract.version, contract.table) == ("Departures", "1.0.0", "departures")
    assert contract.description == "Flights as they left"
    assert contract.key == ("carrier", "flight")  # by position, not by place
    assert (contract.event_at, contract.known_at, contract.timezone) == (
        "left_at",
        "left_at",
        "America/New_York",
    )
    assert (contract.min_rows, contract.max_rows) == contract.row_bounds == (10000, 16000)
    assert contract.checksum_required
    assert contract.personal_columns == ("passenger",)
    assert contract.hidden_columns == ("diverted", "passenger")
    assert contract.keys == (("carrier", "flight"), ("passenger",), ("tailnum", "left_at"))
    assert contract.sla == ({"property": "frequency", "value": 14, "unit": "d"},)
    assert contract.custom == {"steward": "Dana"}
    carrier, flight = contract.column("carrier"), contract.column("flight")
    assert carrier.required and carrier.enum == ("AA", "UA", "9E") and carrier.pattern == "^[A-Z0-9]+$"
    assert (flight.minimum, flight.maximum) == (1, 9999)
    assert contract.column("distance").exclusive_minimum
    assert contract.column("distance").unit == "mile"
    assert contract.column("day").required
    assert contract.column("left_at").timezone == "UTC"
    with pytest.raises(KeyError, match="has no column nope"):
        contract.column("nope")


def test_a_file_calls_a_column_by_one_name_only() -> None:
    text = GOOD.replace("- name: distance", '- name: distance\n        physicalName: "Distance (mi)"')
    contract = parse_contract(text, "d.yaml")
    assert (
        contract.column("distance").header == "Distance (mi)" and contract.column("flight").header == "flight"
    )
    assert set(contract.headers) - set(contract.column_names) == {"Distance (mi)"}
    told = mistakes_of(text.replace("Distance (mi)", "flight"))
    assert "the file's column flight is named twice; keep one" in told


def test_what_the_contract_leaves_out_is_left_open() -> None:
    text = GOOD[: GOOD.index("customProperties:\n  -")].replace(
        "      - {metric: rowCount, mustBeBetween: [10000, 16000]}\n", ""
    )
    contract = parse_contract(text, "d.yaml")
    assert contract.event_at is None and contract.known_at is None
    assert contract.row_bounds is None
    assert contract.timezone == "UTC"
    assert not contract.checksum_required


@pytest.mark.parametrize(
    ("operator", "bounds"),
    [("mustBe: 7", (7, 7)), ("mustBeGreaterThan: 7", (8, None)), ("mustBeGreaterOrEqualTo: 7", (7, None)),
     ("mustBeLessThan: 7", (None, 6)), ("mustBeLessOrEqualTo: 7", (None, 7))],
)  # fmt: skip
def test_row_limits_in_every_form(operator: str, bounds: tuple[int | None, int | None]) -> None:
    assert (
        parse_contract(GOOD.replace("mustBeBetween: [10000, 16000]", operator), "d.yaml").row_bounds == bounds
    )


def test_the_sample_is_valid_by_the_standards_own_schema() -> None:
    import jsonschema
    import yaml

    class Plain(yaml.SafeLoader):
        pass

    Plain.yaml_implicit_resolvers = {
        key: [entry for entry in entries if not entry[0].endswith("timestamp")]
        for key, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    schema = json.loads(OpenDataContractStandard.json_schema())
    assert list(jsonschema.Draft201909Validator(schema).iter_errors(yaml.load(GOOD, Plain))) == []


CASES = [
    ("apiVersion: v3.1.0", "apiVersion: v3.0.2", 1, "apiVersion", "write `apiVersion: v3.1.0`"),
    ("kind: DataContract", "kind: Contract", 2, "kind", "DataContract"),
    ("id: flight-delays-departures\n", "", 1, "id", "is missing"),
    ("status: active\n", "", 1, "status", "write `status: active`"),
    ('version: "1.0.0"', "version: 1.0", 5, "version", 'put it in quotes: "1.0"'),
    ("purpose: Flights as they left", "usage: x", 7, "description", "purpose"),
    ("schema:\n", "schemas:\n", 9, "schemas", "did you mean `schema`?"),
    ("mustBeBetween: [10000, 16000]", "mustBeBetween: [16000, 10000]", 12, "schema[0].quality[0].mustBeBetween", "smaller"),
    ("mustBeBetween: [10000, 16000]", "mustBeBetween: [1]", 12, "schema[0].quality[0].mustBeBetween", "2 items"),
    (", mustBeBetween: [10000, 16000]", "", 12, "schema[0].quality[0]", "mustBeBetween: [10000, 16000]"),
    ("metric: rowCount", "metric: rowcount", 12, "schema[0].quality[0].metric", "rowCount"),
    ("[tailnum, left_at]", "[tail, left_at]", 13, "schema[0].quality[1].arguments", "columns of this table"),
    ("type: text, description: flights", "type: sql, query: select 1, mustBe: 0, description: x", 14,
     "schema[0].quality[2].type", "dbt test"),
    ("- name: flight\n", "- name: flight no\n", 16, "schema[0].properties[0].name", "letters, digits and underscores"),
    ("- name: flight\n", "- name: Sprint\n", 16, "schema[0].properties[0].name", "platform's own column"),
    ("- name: tailnum", "- name: FLIGHT", 32, "schema[0].properties[2].name", "case does not count"),
    ("logicalType: integer", "logicalType: int", 17, "schema[0].properties[0].logicalType", "did you mean `integer`?"),
    ("logicalType: integer", "logicalType: array", 17, "schema[0].properties[0].logicalType", "use one of: string"),
    ("description: flight number", "descripton: x", 20, "schema[0].properties[0].descripton", "did you mean `description`?"),
    ("description: flight number\n", "\n", 16, "schema[0].properties[0].description", "is missing"),
    ("primaryKeyPosition: 2", "primaryKeyPosition: two", 19, "schema[0].properties[0].primaryKeyPosition", "integer"),
    ("primaryKey: true\n        primaryKeyPosition: 2", "primaryKey: true\n        required: false", 19,
     "schema[0].properties[0].required", "cannot be empty"),
    ("{minimum: 1, maximum: 9999}", "{minimum: one}", 22, "schema[0].properties[0].logicalTypeOptions.minimum", "write"),
    ("{minimum: 1, maximum: 9999}", "{minimum: 10, maximum: 9}", 22, "schema[0].properties[0].logicalTypeOptions", "greater than the maximum"),
    ("{minimum: 1, maximum: 9999}", "{pattern: x}", 22, "schema[0].properties[0].logicalTypeOptions.pattern", "not checked"),
    ("{minimum: 1, maximum: 9999}", "{multipleOf: 5}", 22, "schema[0].properties[0].logicalTypeOptions.multipleOf", "not checked"),
    ("logicalTypeOptions: {minimum: 1, maximum: 9999}", "enum: [{value: 1}]", 22, "schema[0].properties[0].enum", "validValues"),
    ("logicalTypeOptions: {minimum: 1, maximum: 9999}", "requird: true", 22, "schema[0].properties[0].requird", "`required`"),
    ('"9E"]', "9]", 31, "schema[0].properties[1].quality[0].arguments.validValues", "quote text"),
    ('validValues: [AA, UA, "9E"], ', "validvalues: [AA], ", 31,
     "schema[0].properties[1].quality[0].arguments.validvalues", "did you mean `validValues`?"),
    ("'^[A-Z0-9]+$'}, mustBe: 0", "'^[A-Z0-9]+$'}, mustBe: 3", 31, "schema[0].properties[1].quality[0]", "`mustBe: 0`"),
    ("metric: invalidValues", "metric: missingValues", 31, "schema[0].properties[1].quality[0].metric", "dbt test"),
    ("{pattern: '^N'}", "{pattern: '['}", 36, "schema[0].properties[2].logicalTypeOptions.pattern", "regular expression"),
    ("defaultTimezone: UTC", "defaultTimezone: Mars/Base", 48, "schema[0].properties[4].logicalTypeOptions.defaultTimezone",
     "does not exist"),
    ("{minimum: 2000-01-01}", "{minimum: 1 Jan}", 53, "schema[0].properties[5].logicalTypeOptions.minimum", '"2013-01-01"'),
    ("classification: personal", "classification: pii", 63, "schema[0].properties[7].classification", "personal"),
    ("        classification: personal\n", "", 59, "schema[0].properties[7].classification", "is missing"),
    ("{property: eventAt, value: left_at}", "{property: eventAt, value: leftat}", 65, "customProperties[0].value", "`left_at`"),
    ("{property: eventAt, value: left_at}", "{property: eventAt, value: carrier}", 65, "customProperties[0].value", "timestamp"),
    ("{property: eventAt,", "{property: event_at,", 65, "customProperties[0].property", "did you mean `eventAt`?"),
    ("        required: true\n        description: when it left", "        description: when it left", 64,
     "customProperties[0].value", "required: true"),
    ("value: America/New_York", "value: New_York", 67, "customProperties[2].value", "does not exist"),
    ("value: required", "value: always", 68, "customProperties[3].value", "required or optional"),
    ("{property: steward, value: Dana}", "{property: steward}", 69, "customProperties[4].value", "ODCS requires it"),
    ("{property: frequency, value: 14", "{propertie: frequency, value: 14", 71, "slaProperties[0].propertie", "`property`"),
    ("name: Departures\n", "name: Departures\nname: Again\n", 5, "name", "given twice, first in line 4"),
    ("name: Departures", "name: no", 4, "name", "truth value"),
    ("name: Departures", "name: a: b", 4, "YAML syntax", "quote"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "words"), CASES, ids=[f"{c[3]} {c[1][:20]!r}" for c in CASES]
)
def test_a_mistake_is_told_with_line_path_and_mend(
    old: str, new: str, line: int, path: str, words: str
) -> None:
    assert GOOD.count(old) >= 1
    message = mistakes_of(GOOD.replace(old, new, 1))
    told = [text for text in message.splitlines() if text.startswith(f"contracts/d.yaml:{line}: {path}: ")]
    assert told, message
    assert any(words in text for text in told), message


def test_all_mistakes_are_told_at_once() -> None:
    text = GOOD.replace("logicalType: integer", "logicalType: int").replace("status: active\n", "")
    text = text.replace("value: left_at", "value: leftat").replace(
        "classification: personal", "classification: pii"
    )
    assert len(mistakes_of(text).splitlines()) == 5


@pytest.mark.parametrize(
    "text", ["", "[]", "schema: 3", "schema: [3]", "schema: [{name: x, properties: [4]}]", "kind: 1"]
)
def test_what_is_no_contract_is_refused(text: str) -> None:
    assert "contracts/d.yaml:1: " in mistakes_of(text)


# --- the generated schema ---


def good_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "flight": [1, 2],
            "carrier": ["AA", "9E"],
            "tailnum": ["N1", None],
            "distance": [1.5, None],
            "left_at": pd.to_datetime(["2013-01-01T00:00:00Z", "2013-01-02T00:00:00Z"]),
            "day": pd.to_datetime(["2013-01-01", "2013-01-02"]).date,
            "diverted": [True, None],
            "passenger": ["Ann", None],
        }
    )


def test_the_schema_brings_a_good_frame_to_the_contracts_types() -> None:
    frame = parse_contract(GOOD, "d.yaml").pandera().validate(good_frame(), lazy=True)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        "flight": "Int64", "carrier": "string", "tailnum": "string", "distance": "float64",
        "left_at": "datetime64[us, UTC]", "day": "object", "diverted": "boolean", "passenger": "string",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value"),
    [("flight", 0), ("flight", 10_000), ("flight", None), ("carrier", "ZZ"), ("carrier", "AAA"), ("tailnum", "X1"),
     ("distance", 0.0), ("left_at", None), ("left_at", pd.Timestamp("1999-01-01", tz="UTC")), ("day", None),
     ("passenger", "Ann"), ("flight", 1.5), ("flight", "one")],
)  # fmt: skip
def test_the_schema_refuses_what_the_contract_does_not_allow(column: str, value: object) -> None:
    from pandera.errors import SchemaErrors

    frame = good_frame()
    frame[column] = frame[column].astype(object)
    frame.loc[1, column] = value
    with pytest.raises(SchemaErrors):
        parse_contract(GOOD, "d.yaml").pandera().validate(frame, lazy=True)


def test_the_schema_refuses_missing_and_extra_columns_and_repeated_keys() -> None:
    from pandera.errors import SchemaErrors

    schema = parse_contract(GOOD, "d.yaml").pandera()
    good = good_frame()
    for bad in (good.drop(columns="day"), good.assign(more=1), good.assign(flight=1, carrier="AA")):
        with pytest.raises(SchemaErrors):
            schema.validate(bad, lazy=True)


def test_rows_with_a_null_in_the_key_repeat_nothing() -> None:
    frame = pd.DataFrame({"a": [1, 1, None, None]})
    assert repeated_rows(frame, ("a",)).tolist() == [True, True, False, False]


def known_at(value: str, name: str = "knownAt") -> str:
    custom = f"        customProperties: [{{property: {name}, value: {value}}}]\n"
    return GOOD.replace(
        "        description: landed elsewhere\n", f"        description: landed elsewhere\n{custom}"
    )


@pytest.mark.parametrize("value", ["question", "row", "left_at", "day"])
def test_a_column_says_when_it_is_known(value: str) -> None:
    contract = parse_contract(known_at(value), "d.yaml")
    assert contract.column("diverted").known_at == value
    assert contract.column("carrier").known_at == "row", "the later one, where nothing is declared"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (known_at("questions"), '"questions" is no moment and no column; write question, row, or the name of a column'),
        (known_at("3"), "3 is no moment and no column"),
        (known_at("carrier"), "carrier is a column of type string; name a timestamp or date column"),
        (known_at("question", "known_at"), "unknown property known_at; did you mean `knownAt`?"),
    ],
)  # fmt: skip
def test_a_moment_that_a_column_cannot_be_known_at_is_a_mistake(text: str, told: str) -> None:
    assert told in mistakes_of(text)
