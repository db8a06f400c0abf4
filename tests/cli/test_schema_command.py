"""`shipper schema`: what is printed is what is published; checks name line and field."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shipper.cli import main

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
PUBLISHED = sorted(SCHEMAS.glob("*/*.schema.json")) + sorted(SCHEMAS.glob("*/*.avsc"))
GET = SCHEMAS / "http.header.v1" / "examples" / "1.1" / "get.json"


def said(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `shipper schema`."""
    code = main(["schema", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def record() -> dict[str, Any]:
    """A golden record of version 1.1."""
    document: dict[str, Any] = json.loads(GET.read_bytes())
    return document


def lines(folder: Path, *documents: object) -> Path:
    """A file of JSON lines; text stands there as it is."""
    path = folder / "documents.jsonl"
    texts = [one if isinstance(one, str) else json.dumps(one) for one in documents]
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_export_prints_what_is_published(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Byte for byte, for each topic, version and kind."""
    version = ".".join(path.name.split(".")[:2])
    kind = "avro" if path.suffix == ".avsc" else "open" if ".open." in path.name else "closed"
    code, out, _ = said(
        capsys, "export", "--topic", path.parent.name, "--version", version, "--kind", kind
    )
    assert (code, out.encode()) == (0, path.read_bytes())


def test_export_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest version, where none is named."""
    target = tmp_path / "schema.json"
    assert said(capsys, "export", "--output", target) == (0, "", "")
    assert target.read_bytes() == (SCHEMAS / "http.header.v1" / "1.2.schema.json").read_bytes()


def test_check_passes_what_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Empty lines are none; the count says how many were looked at."""
    path = lines(tmp_path, record(), "", record())
    code, out, _ = said(capsys, "check", path)
    assert (code, out) == (0, f"{path}: 2 valid under http.header.v1 1.2 (closed)\n")


def test_check_reads_standard_input() -> None:
    """As a filter behind another command."""
    done = subprocess.run(
        [sys.executable, "-m", "shipper", "schema", "check", "--json"],
        input=json.dumps(record()),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"ok": True, "documents": 1, "fault": None}


def _without(part: str, field: str) -> dict[str, Any]:
    document = record()
    del document[part][field]
    return document


def _with(part: str, field: str, value: object) -> dict[str, Any]:
    document = record()
    document[part][field] = value
    return document


FAULTS = {
    "unknown field": (_with("url", "novel", 1), "url.novel: is no field of this version"),
    "missing": (_without("event", "id"), "event.id: is missing"),
    "type": (_with("source", "port", "80"), "source.port: Input should be a valid integer"),
    "address": (_with("related", "ip", ["192.0.2.1", "x"]), "related.ip[1]: is no IP address"),
    "word": (_with("event", "outcome", "novel"), "event.outcome: Input should be 'success', "),
    "no object": ([], "Input should be a valid dictionary"),
    "no JSON": ("{", "is no JSON: "),
}


@pytest.mark.parametrize("name", FAULTS)
def test_check_names_line_and_field(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the first fault, with exit code 1; for programs the same."""
    document, expected = FAULTS[name]
    path = lines(tmp_path, record(), document, {})
    code, out, err = said(capsys, "check", path)
    assert (code, err) == (1, "")
    assert out.startswith(f"{path}, line 2: {expected}")
    code, out, _ = said(capsys, "check", path, "--json")
    found = json.loads(out)
    assert (code, found["ok"], found["documents"], found["fault"]["line"]) == (1, False, 1, 2)


@pytest.mark.parametrize(
    ("field", "value", "passes"),
    [
        ("novel", 1, True),
        ("hook", "novel", True),
        ("hook", 1, False),
        ("joined_late", False, True),
        ("joined_late", "true", False),
        ("interface", "eth0", False),
    ],
)
def test_check_as_a_consumer(
    field: str,
    value: object,
    passes: bool,  # noqa: FBT001 - a table of cases
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The open schema of 1.0 takes 1.1, unknown fields and words, and no other types."""
    path = lines(tmp_path, _with("shipper", field, value))
    given = ("check", path, "--version", "1.0")
    assert said(capsys, *given, "--kind", "closed")[0] == 1
    assert said(capsys, *given, "--kind", "open")[0] == (0 if passes else 1)


def test_diff_of_versions_says_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    """In both kinds; compatible on the way forward, not on the way back."""
    code, out, _ = said(capsys, "diff", "1.0", "1.1")
    assert code == 0
    assert "JSON Schema: shipper.response_version added, optional\n" in out
    assert out.endswith("Avro: compatible\n")
    code, out, _ = said(capsys, "diff", "1.1", "1.0", "--json")
    found = json.loads(out)
    assert (code, found["compatible"]) == (1, False)
    assert {
        "field": "shipper.response_version",
        "what": "removed",
        "breaks": True,
    } in found["changes"]["JSON Schema"]


def test_diff_of_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A draft against a version, in the kind that the draft is of."""
    draft = tmp_path / "draft.avsc"
    schema = json.loads((SCHEMAS / "http.header.v1" / "1.1.avsc").read_bytes())
    schema["fields"].append({"name": "novel", "type": "string"})
    draft.write_text(json.dumps(schema))
    code, out, _ = said(capsys, "diff", "1.1", draft)
    assert code == 1
    assert "Avro: BREAKS: novel is not written and has no default (new reads old)\n" in out
    assert "JSON Schema" not in out
    published = SCHEMAS / "http.header.v1" / "1.0.schema.json"
    assert said(capsys, "diff", published, "1.1")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (
            ("export", "--version", "7.0"),
            64,
            "http.header.v1 has no version 7.0: it has 1.0, 1.1, 1.2",
        ),
        (("export", "--topic", "nosuch"), 64, "invalid choice: 'nosuch'"),
        (("export", "--output", "/nonexistent/x"), 65, "cannot write /nonexistent/x"),
        (("check", "/nonexistent"), 65, "cannot read /nonexistent"),
        (("diff", "1.0", "/nonexistent"), 65, "/nonexistent is no version, and no file"),
        (("diff", "1.0", "7.0"), 65, "7.0 is no version, and no file"),
        (("diff", "1.0", __file__), 65, "is no JSON"),
        (("diff", "1.0", GET), 65, "holds no schema"),
        (
            (
                "diff",
                SCHEMAS / "http.header.v1" / "1.0.avsc",
                SCHEMAS / "http.header.v1" / "1.0.schema.json",
            ),
            64,
            "can't be compared",
        ),
    ],
)
def test_a_mistake_is_one_line(
    arguments: tuple[str | Path, ...], code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong, with what; and the exit code says whose fault it is."""
    found, out, err = said(capsys, *arguments)
    assert (found, out) == (code, "")
    assert text in err
    assert err.count("\n") == 1
