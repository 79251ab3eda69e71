"""From the bytes of a landed file to rows of text (CSV) or an Arrow table (Parquet), or to the reason of a refusal.

Only the format is checked here: compression, encoding, quoting, the header, the number of fields. Values are checked in
`values.py`.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sprintline.landing.artefacts import index_columns, is_index
from sprintline.landing.reasons import BadFile, Violation, listed, places, quoted, refuse
from sprintline.mechanisms.declaration.located_yaml import closest

if TYPE_CHECKING:
    import pyarrow as pa

    from sprintline.landing.contracts import Contract

#: A file that unpacks to more than this is refused before it fills the memory.
MOST_BYTES = 2 * 1024**3

NOTHING_HAPPENED = "; where nothing happened, lengthen the previous sprint (calendar.lengths in defs.yaml)"
"""A sprint without rows cannot close."""

_GZIP, _PARQUET, _ZIP = b"\x1f\x8b", b"PAR1", b"PK\x03\x04"
_CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_SEND_AGAIN = "the file was damaged or cut off on its way: send it again"


@dataclass(frozen=True)
class Rows:
    """The rows of a CSV file. `columns` are in the file's order, each with a text per row, under the contract's names
    (the file's own without a contract); `lines[i]` is the line on which row i starts. `left_out` names the columns that
    the writing program had added (`artefacts.py`).
    """

    columns: dict[str, Sequence[str]]
    lines: Sequence[int]
    left_out: tuple[str, ...] = ()


def unpack(data: bytes, name: str) -> bytes:
    """The content of a `.csv` or `.csv.gz` file, unpacked; refuses a file whose content does not match its name."""
    if not data:
        raise refuse("empty", "the file is empty (0 bytes)", "send the sprint's rows under a header line")
    packed = name.endswith(".gz")
    what = _kind(data)
    if packed and what != "gzip":
        right = "name an unpacked file .csv" if what == "text" else "export it as CSV and pack it with gzip"
        raise refuse("not_gzip", f"the name ends in .gz but the file is {_A[what]}", right)
    if not packed and what != "text":
        right = (
            "name it .csv.gz"
            if what == "gzip"
            else "export it as CSV in UTF-8, or name Parquet files .parquet"
        )
        raise refuse("not_csv", f"the name says CSV but the file is {_A[what]}", right)
    content = _gunzip(data) if packed else data
    if not content:
        raise refuse("empty", "the file is empty once unpacked", "send the sprint's rows under a header line")
    return content


_A = {
    "gzip": "packed with gzip",
    "parquet": "Parquet",
    "zip": "a zip archive (Excel files are)",
    "utf-16": "text in UTF-16",
    "text": "not packed",
}


def _kind(data: bytes) -> str:
    for magic, kind in ((_GZIP, "gzip"), (_PARQUET, "parquet"), (_ZIP, "zip")):
        if data.startswith(magic):
            return kind
    return "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "text"


def _gunzip(data: bytes) -> bytes:
    """Every member of a gzip file, each checked against its checksum and length."""
    parts: list[bytes] = []
    size, rest = 0, data
    while rest:
        if parts and not rest.strip(b"\0"):
            break  # gzip allows zeros as padding behind the last member
        if not rest.startswith(_GZIP):
            wrong = f"{len(rest):,} bytes that are not gzip follow the packed data"
            raise refuse("gzip_damaged", wrong, _SEND_AGAIN)
        unpacker = zlib.decompressobj(wbits=31)
        try:
            part = unpacker.decompress(rest, MOST_BYTES - size + 1)
        except zlib.error as error:
            message = str(error)
            if "incorrect" in message:
                wrong = "the gzip checksum does not match: bytes were changed after packing"
            else:
                wrong = f"the gzip data are damaged ({message.rpartition(': ')[2]})"
            raise refuse("gzip_damaged", wrong, _SEND_AGAIN) from None
        size += len(part)
        if size > MOST_BYTES:
            wrong = f"the file unpacks to more than {MOST_BYTES // 1024**3} GiB"
            raise refuse("too_large", wrong, "send a sprint's rows only, or Parquet")
        if not unpacker.eof:
            wrong = (
                f"the gzip file is cut off after {len(data):,} bytes (its end with the checksum is missing)"
            )
            raise refuse("gzip_truncated", wrong, _SEND_AGAIN)
        parts.append(part)
        rest = unpacker.unused_data
    return b"".join(parts)


def decode(content: bytes) -> str:
    """UTF-8 text, without a byte order mark."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    zero = content.find(b"\0")
    if zero >= 0:
        wrong = f"line {_line(content, zero)} contains a NUL byte (byte {zero:,})"
        right = "save the file as UTF-8 text; UTF-16 and damaged files look like this"
        raise refuse("nul_byte", wrong, right, line=_line(content, zero), byte=zero)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = _line(content, error.start)
        wrong = f"line {line} is not UTF-8: byte 0x{content[error.start]:02x} at position {error.start:,}"
        right = "save the file as UTF-8 (it may be Latin-1 or Windows-1252)"
        raise refuse("encoding", wrong, right, line=line, byte=error.start) from None
    if control := _CONTROL.search(text):
        line = text.count("\n", 0, control.start()) + 1
        wrong = f"line {line} contains the control character 0x{ord(control.group()):02x}"
        raise refuse("control_character", wrong, "remove it; " + _SEND_AGAIN, line=line)
    return text


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def read_rows(text: str, contract: Contract | None = None, keep: Collection[str] = ()) -> Rows:
    """The rows of a comma-separated text whose header has exactly the contract's columns, in any order.

    Without a contract every header will do that names each column once. Row numbers that the writing program added are
    left out, unless the contract or `keep` names them.
    """
    rows, lines = _records(text)
    while rows and not rows[-1]:  # empty lines at the end are harmless
        rows.pop()
        lines.pop()
    if not rows:
        raise refuse("empty", "the file has only empty lines", "send the sprint's rows under a header line")
    header = rows[0]
    if contract is None or len(contract.columns) > 1:
        _check_delimiter(header)
    names = contract.headers if contract else keep
    artefacts = [
        place
        for place, name in enumerate(header)
        if name not in names and is_index(name, place, [row[place] for row in rows[1:] if len(row) > place])
    ]
    left = [name for place, name in enumerate(header) if place not in artefacts]
    if contract is None:
        _check_named_once(left)
    else:
        check_names(left, contract, "line 1")
    if len(rows) == 1:
        raise refuse(
            "header_only",
            "the file has a header but no rows",
            f"send the sprint's rows under the header{NOTHING_HAPPENED}",
        )
    _check_widths(rows, lines, len(header), text)
    known = {column.header: column.name for column in contract.columns} if contract else {}
    values = zip(*rows[1:], strict=True)
    columns: dict[str, Sequence[str]] = {
        known.get(name, name): texts
        for place, (name, texts) in enumerate(zip(header, values, strict=True))
        if place not in artefacts
    }
    return Rows(columns, lines[1:], tuple(header[place] for place in artefacts))


def _records(text: str) -> tuple[list[list[str]], list[int]]:
    # Python's own limit of 131,072 characters a field would be reported like a quotation mark that is never closed.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    start = 1
    try:
        for row in reader:
            rows.append(row)
            lines.append(start)
            start = reader.line_num + 1
    except csv.Error as error:
        message = str(error)
        if "unexpected end of data" in message:
            wrong = f"a quotation mark opened in line {start} is never closed"
            right = "close it, or send the file again if it was cut off"
            raise refuse("unclosed_quote", wrong, right, line=start) from None
        if reader.line_num > start:
            wrong = f"a quotation mark opened in line {start} is not closed correctly up to line {reader.line_num}"
            right = "close it; in a quoted field double the marks inside"
            raise refuse("unclosed_quote", wrong, right, line=start) from None
        wrong = f"line {reader.line_num} has a quotation mark in the wrong place"
        right = 'put the whole field in quotes and double the marks inside: "say ""hi"""'
        raise refuse("quoting", wrong, right, line=reader.line_num) from None
    return rows, lines


def _check_delimiter(header: Sequence[str]) -> None:
    if len(header) > 1:
        return
    counts = {sign: header[0].count(sign) for sign in (";", "\t", "|")}
    sign, most = max(counts.items(), key=lambda item: item[1])
    if most:
        name = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}[sign]
        raise refuse("delimiter", f"the columns are separated by {name}", "separate them by commas")


def _check_named_once(header: Sequence[str]) -> None:
    for place, name in enumerate(header, start=1):
        if not name.strip():
            wrong = f"line 1: column {place} of {len(header)} has no name"
            right = "a comma at the end makes one" if place > 1 else "pandas: to_csv(…, index=False)"
            raise refuse("unnamed_column", wrong, f"name it, or leave it out ({right})")
        if header.count(name) > 1:
            wrong = f"line 1: the column {quoted(name)} appears {header.count(name)} times"
            raise refuse("duplicate_column", wrong, "keep one of them")


def check_names(names: Sequence[str], contract: Contract, where: str) -> None:
    """Refuse missing, unknown, misspelled and repeated column names."""
    expected = contract.headers
    missing = [name for name in expected if name not in names]
    unknown = [name for name in dict.fromkeys(names) if name not in expected]
    likely = {name: closest(name, missing, cutoff=0.7) for name in unknown}
    if len(missing) == len(expected) and not any(likely.values()):
        # The first line may be a row of data instead, so it is not repeated here.
        right = (
            f"start with the header {quoted(','.join(expected)) if len(expected) < 5 else listed(expected)}"
        )
        raise refuse("no_header", f"{where} names none of the contract's columns", right)
    violations = []
    for name, count in Counter(names).items():
        if count > 1:
            wrong = f"{where}: the column {quoted(name)} appears {count} times"
            violations.append(Violation("duplicate_column", wrong, "keep one of them", column=name))
    for name in unknown:
        near = likely[name]
        if near:
            missing = [other for other in missing if other != near]
            wrong = f"{where}: the column {quoted(name)} is not in the contract"
            violations.append(Violation("misspelled_column", wrong, f"did you mean '{near}'?", column=near))
        else:
            wrong = f"{where}: the column {quoted(name)} is not in the contract"
            right = f"leave it out, or add it to the contract {contract.name} first"
            violations.append(Violation("extra_column", wrong, right))
    for name in missing:
        wrong = f"{where}: the column '{name}' is missing"
        violations.append(
            Violation("missing_column", wrong, "add it, with an empty field where nothing is known", name)
        )
    if violations:
        raise BadFile.of(violations)


def _check_widths(rows: list[list[str]], lines: list[int], width: int, text: str) -> None:
    ragged = [index for index, row in enumerate(rows) if len(row) != width]
    if not ragged:
        return
    first = ragged[0]
    found = len(rows[first])
    if ragged == [len(rows) - 1] and found < width and not text.endswith(("\n", "\r")):
        wrong = f"the file is cut off: line {lines[first]}, its last, has {found} of {width} fields and no line end"
        raise refuse("csv_truncated", wrong, _SEND_AGAIN, line=lines[first])
    if not rows[first]:
        raise refuse("ragged", f"line {lines[first]} is empty", "remove it", line=lines[first])
    where = places([lines[index] for index in ragged], len(ragged))
    wrong = f"{where}: expected {width} fields as in the header, line {lines[first]} has {found}"
    right = "put fields that contain a comma in quotes, and leave empty fields empty"
    shown = tuple(lines[index] for index in ragged[:5])
    raise BadFile.of([Violation("ragged", wrong, right, count=len(ragged), lines=shown)])


def read_parquet(data: bytes, contract: Contract) -> pa.Table:
    """The table of a Parquet file, every page decoded and compared with its checksum where it has one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not data:
        raise refuse("empty", "the file is empty (0 bytes)", "send the sprint's rows")
    if not data.startswith(_PARQUET):
        wrong = "the name ends in .parquet but the file is not Parquet"
        raise refuse("not_parquet", wrong, "write Parquet, or name CSV files .csv or .csv.gz")
    if not data.endswith(_PARQUET):
        wrong = f"the Parquet file is cut off after {len(data):,} bytes (its end with the index is missing)"
        raise refuse("parquet_truncated", wrong, _SEND_AGAIN)
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        artefacts = [name for name in index_columns(file.schema_arrow) if name not in contract.headers]
        names = [name for name in file.schema_arrow.names if name not in artefacts]
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise _unreadable(error) from None
    check_names(names, contract, "the schema")
    try:
        table = file.read(use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise _unreadable(error) from None
    if table.num_rows != file.metadata.num_rows:
        wrong = (
            f"the Parquet index promises {file.metadata.num_rows:,} rows, the pages have {table.num_rows:,}"
        )
        raise refuse("parquet_damaged", wrong, _SEND_AGAIN)
    if table.num_rows == 0:
        right = f"send the sprint's rows{NOTHING_HAPPENED}"
        raise refuse("header_only", "the file has columns but no rows", right)
    return table.select(list(contract.headers)).rename_columns(list(contract.column_names))


def _unreadable(error: BaseException) -> BadFile:
    """Why a Parquet file cannot be read: it is too large, it uses what this reader lacks, or it is damaged."""
    import pyarrow as pa

    # The library's message may quote the content and is hard to read: only the kind of trouble is reported.
    if isinstance(error, MemoryError | pa.ArrowMemoryError | pa.ArrowCapacityError):
        wrong = "the file needs more memory than this machine gives it"
        return refuse("too_large", wrong, "send a sprint's rows only, in smaller row groups")
    # Arrow raises this for an encoding, codec or type that it was built without. The reader can do nothing about it,
    # and the file is refused with that reason.
    if isinstance(error, pa.ArrowNotImplementedError):
        wrong = "the Parquet file uses an encoding, codec or type that cannot be read here"
        return refuse("parquet_unsupported", wrong, "write it with plain types and snappy or zstd")
    message = str(error).lower()
    if "utf8" in message or "utf-8" in message:
        return refuse("encoding", "the Parquet file has text that is not UTF-8", "write its texts in UTF-8")
    if "encrypt" in message or "decrypt" in message:
        return refuse("parquet_unsupported", "the Parquet file is encrypted", "write it without encryption")
    kind = (
        "a page's checksum does not match"
        if "crc" in message or "checksum" in message
        else "a page cannot be decoded"
    )
    return refuse("parquet_damaged", f"the Parquet file is damaged: {kind}", _SEND_AGAIN)
