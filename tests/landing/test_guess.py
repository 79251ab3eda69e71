"""The type of a column: nothing that cannot be given back becomes a number, and what is lost on the way is told."""
# ruff: noqa: E501 - the tables are read row by row

from __future__ import annotations

import pytest

from sprintline.landing.exact import lost_by_number
from sprintline.landing.guess import guess, of_parquet

LOSSY = {
    "leading zeros": [["007", "7", "1.5"], ["+4930111", "030111"], ["-01", "2"], ["00", "1"], ["01.50", "2.5"]],
    "a written plus": [["+4930", "4931"], ["+1.5", "2.5"]],
    "digits beyond 64 bits": [
        ["12345678901234567890", "12345678901234567891"], ["9223372036854775808"], ["1.5", "12345678901234567890"],
        ["9" * 5000],
    ],
    "digits around an E": [["1E1", "2E2", "3E3"], ["12E4", "1234", "7"], ["1e20", "2e21"], ["1E1", "1.5"]],
    "more digits than a number keeps": [
        ["9007199254740993", "0.5"], ["0.12345678901234567890"], ["1.2345678901234567890e3", "2.5"],
    ],
    "a zero at the end of some": [["1.9", "1.10", "1.1"], ["250.0", "250.00", "12.75"]],
}  # fmt: skip


@pytest.mark.parametrize(("what", "texts"), [(what, one) for what, many in LOSSY.items() for one in many])
def test_what_a_number_would_lose_is_text_and_is_told(what, texts) -> None:
    found = guess(texts, "UTC")
    assert (found.kind, found.not_known) == ("string", ())
    assert what in found.why and what in (found.note or "")


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["0", "10", "-3"], "integer"),
        (["9223372036854775807", "-9223372036854775808"], "integer"),
        (["3.0", "12.0"], "integer"),
        (["0.5", "-0.25", "10"], "number"),
        (["12.50", "3.00", "0.10"], "number"),
        (["0.120", "1.20", "12.3"], "number"),
        (["1e-05", "2.5", "1.5E+20"], "number"),
        (["1e16", "1e21", "12"], "number"),
        (["0.1", "0.30000000000000004", "0.10000000000000001"], "number"),
        (["3", "3.0", "2.5"], "number"),
    ],
)
def test_numbers_that_come_back_are_numbers(texts, kind) -> None:
    assert (guess(texts, "UTC").kind, guess(texts, "UTC").note) == (kind, None)
    assert lost_by_number(texts) is None


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["12", "13"], "integer"), (["2026-01-05", "2026-01-06"], "date"), (["12.0", "13.0"], "string"),
        (["1.5", "2.5"], "string"), (["true", "false"], "string"), (["-0", "1"], "string"), (["1E1", "2E2"], "string"),
        (["2026-01-05T08:00:00Z"], "string"), ([" 1", "2"], "string"), (["NA", "12"], "string"),
    ],
)  # fmt: skip
def test_a_key_has_only_a_type_that_gives_it_back(texts, kind) -> None:
    assert guess(texts, "UTC", key=True).kind == kind
    assert guess(["2026-01-05T08:00:00Z"], "UTC", key=True, moment=True).kind == "timestamp"


@pytest.mark.parametrize(
    ("texts", "kind", "words"),
    [
        (["1", "N/A", "-"], "integer", ("N/A", "-")), (["1.5", "null"], "number", ("null",)),
        (["true", "false", "unknown"], "boolean", ("unknown",)), (["2026-01-05", "#N/A"], "date", ("#N/A",)),
        (["2026-01-05T08:00:00Z", "NaT"], "timestamp", ("NaT",)), (["1", "1e300"], "number", ("1e300",)),
        (["0.5", "-3.5e38", "NA"], "number", ("NA", "-3.5e38")), (["1", "inf", "-Infinity"], "number", ("inf", "-Infinity")),
    ],
)  # fmt: skip
def test_words_for_not_known_and_marks_beyond_models_are_told(texts, kind, words) -> None:
    found = guess(texts, "UTC")
    assert (found.kind, found.not_known) == (kind, words)
    assert all(f"'{word}'" in (found.note or "") for word in words)


def test_nanoseconds_are_kept_as_text_or_told() -> None:
    fine = ["2026-01-05T08:00:00.123456789Z", "2026-01-05T08:00:00.5Z"]
    assert (guess(fine, "UTC").kind, guess(["2026-01-05T08:00:00.123456000Z"], "UTC").kind) == (
        "string",
        "timestamp",
    )
    assert "digits beyond a microsecond" in (guess(fine, "UTC").note or "")
    moment = guess(fine, "UTC", moment=True)
    assert moment.kind == "timestamp" and "are cut" in (moment.note or "")


@pytest.mark.parametrize(
    ("texts", "told"),
    [(["1", "2"], "it is text, and every value is a whole number"), (["007", "012"], None), (["a", "b"], None),
     (["12,50", "9,10"], "a decimal comma"), (["NA", "DE"], "'NA' is a value like others")],
)  # fmt: skip
def test_text_in_parquet_stays_text_and_what_it_looks_like_is_told(texts, told) -> None:
    found = of_parquet(texts, "string", "its Parquet type is string", "UTC", key=False, moment=False)
    assert found.kind == "string" and (found.note is None if told is None else told in (found.note or ""))


def test_in_text_a_word_is_a_value_like_others_and_that_is_told() -> None:
    found = guess(["DE", "NA", "FR"], "UTC")
    assert (found.kind, found.not_known) == ("string", ())
    assert "'NA' is a value like others" in (found.note or "") and "notKnown" in (found.note or "")
    assert guess(["DE", "FR"], "UTC").note is None
    assert guess(["NA"], "UTC").kind == "string"


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["12,50", "1.099,00", "9,10"], "a decimal comma ('12,50'); write a decimal point"),
        (["1,234.50", "2,000.00", "12.5"], "commas between thousands"), (["1 234", "20 000"], "signs between thousands"),
        (["12%", "3.5 %"], "per cent"), (["$3.00", "$12.50"], "a currency"), (["EUR 3.00", "EUR 4"], "a currency"),
        (["3.00 €", "4 €"], "a currency"), ([" 42", "43"], "spaces around it"), (["(12.50)", "3.00"], "accountants"),
        (["12 kg", "3.5 kg"], "a unit"), (["\u0661\u0662", "\u0663"], "another script"), (["\u22125", "6"], "another script"),
        (["1", "2", "3", "4", "abc"], "1 of its 5 different values are no numbers, for example 'abc'"),
        (["05.01.2026", "06.01.2026"], "dates or moments ('05.01.2026')"), (["1/5/2026 8:00"], "dates or moments"),
        (["5 Jan 2026", "6 Jan 2026"], "dates or moments"), (["2026-01-05", "2026-02-30"], "dates or moments"),
    ],
)  # fmt: skip
def test_texts_that_look_like_numbers_or_dates_are_told_with_a_fix(texts, told) -> None:
    found = guess(texts, "UTC")
    assert found.kind == "string" and told in found.why and told in (found.note or "")


@pytest.mark.parametrize(
    "texts", [["V0001", "V0002"], ["north", "south"], ["ABC123", "DEF456"], ["yes", "no"], ["a,b", "c"]]
)
def test_ordinary_texts_raise_no_note(texts) -> None:
    assert (guess(texts, "UTC").kind, guess(texts, "UTC").note) == ("string", None)
