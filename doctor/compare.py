"""What a doctor.json contradicts: which schemas, and which rows of which pages; for those who change them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from doctor.finding import Certainty
from source_dialpad.source import resolved_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).parents[1]
FORMAT: Final = 1
BREAKS: Final = {  # answers, as patterns, that the connector does not allow for; it takes every other one
    "the unit of start and end": "neither",
    "whether `[]` means that there was nothing": "not always",
    "the envelope": "another shape|.* or another shape",
    "whether one customer session gives the same messages": "other messages",
    "how the next page is linked": "to another host|a link that does not",
    "an answer of another shape": r"\d+ of",
    "the longest interval": ".*30 days are refused for a metric",
    "the largest page": "300 are refused",
    "fields that are absent, variants without a value": r".* (?!0 )\d+ of other variants",
    "whether the download wants the key": "yes",
    "compression and encoding of the file": r"gzip: \d+ of (\d+) .*UTF-8: (?!\1$)",
    "the zone of a line's `time`": "it (carries a zone|has no zone), and is [-+]",
}
COMPOSED: Final = {  # of what the API gives, the connector makes members of the same names
    *("call_transcripts", "call_recaps", "analytics_metric_data", "analytics_record_data"),
}
HEADERS: Final = {"rows_of_a_closed_day", "rows_of_today"}  # in reports of files, whose header is whole
FITS: Final = {  # the beginnings of the kinds of values that a type takes
    "integer": ("a whole number", "a number", "digits"),
    "number": ("a whole number", "a number", "digits", "a decimal number"),
    "boolean": ("true or false", "True or False"),
    "object": ("an object",),
    "array": ("a list",),
    "date": ("a date, YYYY-MM-DD",),
    "date-time": ("a time", "a number", "digits, as milliseconds", "a date"),
}


def main(path: Path, output: TextIO) -> int:
    """Writes what a file contradicts; 1 if it contradicts anything, 2 if it is no file of the doctor's."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        pairs = [of_schema(name, report) for name, report in document["streams"].items()]
        schemas = [line for contradicted, _ in pairs for line in contradicted]
        missed = [line for _, lines in pairs for line in lines]
        broken, settled = of_documents(document["findings"])
        is_known = document["format"] == FORMAT
    except OSError as error:
        output.write(f"The file can't be read: {error.strerror}.\n")
        return 2
    except (ValueError, KeyError, TypeError, AttributeError):
        is_known = False
    if not is_known:
        output.write(f"The file is no doctor.json of format {FORMAT}.\n")
        return 2
    parts = {
        "SCHEMAS, contradicted": schemas,
        "SCHEMAS, members that came in no row": missed,
        "DOCUMENTS, contradicted": broken,
        "DOCUMENTS, a row that can say what was seen": settled,
    }
    for title, lines in parts.items():
        output.write(f"{title}: {len(lines) or 'none'}\n")
        output.writelines(f"  {''.join(filter(str.isprintable, line))}\n" for line in lines)
    return 1 if schemas or broken else 0


def of_schema(stream: str, report: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What the rows of a stream contradict in its schema, and the members of the schema that no row had."""
    schema = resolved_manifest()["schemas"].get(stream)
    if schema is None:
        return [f"{stream}: there is no schemas/{stream}.json; the file is of another version."], []
    place, rows, properties = f"schemas/{stream}.json", report.get("rows", 0), schema["properties"]
    contradicted, missed = list[str](), list[str]()
    unknown = [name for name in report.get("unknown", []) if name not in properties]
    if unknown:
        contradicted.append(f"{place}: add {', '.join(unknown)}; they came, in {rows} rows.")
    if stream in COMPOSED or not report.get("members"):
        return contradicted, missed
    if others := report.get("names_not_shown"):
        contradicted.append(f"{place}: {others} more names came that it lacks, and that the doctor does not show.")
    missing = [name for name in report.get("not_seen", []) if name in properties]
    if missing and HEADERS & report.keys():
        contradicted.append(f"{place}: the header lacks {', '.join(missing)}. Remove them, or say when they come.")
    elif missing:
        missed.append(f"{place}: {', '.join(missing)}, in {rows} rows.")
    for name, member in report["members"].items():
        schema_of_member = properties.get(name, {})
        odd = {kind: count for kind, count in member["kinds"].items() if not _fits(kind, schema_of_member)}
        if odd:
            came = ", ".join(f"{kind} ({count} of {rows})" for kind, count in odd.items())
            typed = " or ".join(_types(schema_of_member))
            contradicted.append(f"{place}: {name} is typed {typed} and came as {came}. Change its type.")
    return contradicted, missed


def of_documents(findings: list[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """The rows of pages that decided findings contradict, and those that they settle."""
    broken, settled = [], []
    for finding in findings:
        question, answer, section = finding["question"], finding["answer"], finding["section"]
        if finding["certainty"] == Certainty.UNDECIDED:
            continue
        seen = f'{_place(section, question)}: "{answer}" ({finding["certainty"]})'
        if question in BREAKS and re.match(BREAKS[question], answer):
            broken.append(f'{seen}. The connector, "{finding["connector"]}", does not allow for it: change both.')
        else:
            settled.append(f"{seen}.")
    return broken, settled


def _place(section: str, question: str) -> str:
    """The row of a page that has a question."""
    page = ROOT / "docs" / f"{section}.md"
    text = page.read_text(encoding="utf-8") if re.fullmatch("[a-z]+", section) and page.exists() else ""
    row = next((line for line in text.splitlines() if line.startswith(f"| {question} |")), "")
    return f'docs/{section}.md, row "{question}"' if row else f'docs/variants.md, "{question}"'


def _types(schema: Mapping[str, Any]) -> list[str]:
    types = schema.get("type", [])
    plain = [kind for kind in ([types] if isinstance(types, str) else types) if kind != "null"]
    return [schema.get("format", kind) if kind == "string" else kind for kind in plain]


def _fits(kind: str, schema: Mapping[str, Any]) -> bool:
    """Whether a column of this schema takes values of a kind; text takes all but objects and lists."""
    types = _types(schema)
    text = not kind.startswith(("an object", "a list"))
    return not types or any(kind.startswith(FITS[name]) if name in FITS else text for name in types)
