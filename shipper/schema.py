"""`shipper schema`: prints the published schemas, holds documents to them, compares versions."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from shipper.errors import InputError, UsageError
from shipper.record import (
    CONTRACTS,
    RECORD,
    Change,
    Contract,
    Fault,
    avro_changes,
    avro_schema,
    first_fault,
    json_changes,
    json_schema,
    open_schema,
)
from shipper.registry import OPTIONS, Absent, Registry, form

_KINDS: Final = {"closed": json_schema, "open": open_schema, "avro": avro_schema}
_TOPICS: Final = tuple(dict.fromkeys(contract.name for contract in CONTRACTS))
_NOT_VALID: Final = 1

_EXAMPLES: Final = """\
The closed schema is what producers are held to; the open one bears what later versions add.

  shipper schema export --version 1.0 --kind open > http.header.v1.json
  shipper tail --json | shipper schema check
  shipper schema diff 1.0 1.1
  shipper schema register --registry http://registry:8081
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `shipper schema`."""
    parser.description = "The schemas of the topics: print them, check documents, compare versions."
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", parser_class=type(parser)
    )
    export = actions.add_parser("export", help="print a schema, or write it to a file")
    _which(export)
    export.add_argument(
        "--kind", choices=tuple(_KINDS), default="closed", help="which schema (closed)"
    )
    export.add_argument("--output", type=Path, metavar="FILE", help="write here, not to stdout")

    check = actions.add_parser(
        "check",
        help="hold documents, a JSON line each, to a schema; name the first fault",
        description="Exit codes: 0 all are valid; 1 one is not; 65 the file can't be read.",
    )
    check.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="JSON lines; - is stdin (-)"
    )
    _which(check)
    check.add_argument(
        "--kind", choices=("closed", "open"), default="closed", help="which schema (closed)"
    )
    check.add_argument("--json", action="store_true", help="for programs")

    diff = actions.add_parser(
        "diff",
        help="what changed between two versions, or two files, and whether it breaks readers",
        description="JSON Schemas are compared as BACKWARD, Avro schemas as FULL. "
        "Exit codes: 0 compatible; 1 not; 65 a file can't be read.",
    )
    diff.add_argument("old", metavar="OLD", help="a version as in 1.0, or a schema's file")
    diff.add_argument("new", metavar="NEW", help="the same")
    diff.add_argument("--topic", choices=_TOPICS, default=RECORD.name, help="of the versions")
    diff.add_argument("--json", action="store_true", help="for programs")

    register = actions.add_parser(
        "register",
        help="register every version of a topic's schema in a registry, oldest first",
        description="The registry speaks Confluent's API (Apicurio: .../apis/ccompat/v7). What is "
        "registered already stays as it is; a new subject gets the compatibility that its schema "
        "is kept to. Exit codes: 0; 1 the registry refuses a version; 69 it can't be asked; "
        "77 it wants other credentials.",
    )
    register.add_argument("--registry", required=True, metavar="URL", help="http(s)://HOST:PORT/…")
    register.add_argument(
        "--topic", choices=_TOPICS, default=RECORD.name, help=f"whose schema ({RECORD.name})"
    )
    register.add_argument("--kind", choices=OPTIONS, default="closed", help="which schema (closed)")
    register.add_argument(
        "--kafka-topic",
        metavar="NAME",
        help="the topic that it is for, as the subject is NAME-value (the same; Avro has a topic "
        "of its own, which has to be named)",
    )
    register.add_argument("--user", help="who asks")
    register.add_argument("--password-file", type=Path, metavar="FILE", help="holds the password")
    register.add_argument("--ca", type=Path, metavar="FILE", help="certificates to trust (PEM)")
    register.add_argument("--json", action="store_true", help="for programs")


def _which(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--topic", choices=_TOPICS, default=RECORD.name, help=f"whose schema ({RECORD.name})"
    )
    parser.add_argument("--version", help="which version, as in 1.0 (the newest)")


def run(arguments: argparse.Namespace) -> int:
    """Export, check or compare; the exit code."""
    if arguments.action == "export":
        return _export(arguments)
    if arguments.action == "register":
        return _register(arguments)
    return _check(arguments) if arguments.action == "check" else _diff(arguments)


def _contract(topic: str, version: str | None) -> Contract:
    """The contract of a topic, the newest if no version is named."""
    known = {contract.version: contract for contract in CONTRACTS if contract.name == topic}
    if version is None:
        return known[list(known)[-1]]
    if version not in known:
        raise UsageError(f"{topic} has no version {version}", f"it has {', '.join(known)}")
    return known[version]


def _export(arguments: argparse.Namespace) -> int:
    schema = _KINDS[arguments.kind](_contract(arguments.topic, arguments.version))
    text = orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if arguments.output is None:
        sys.stdout.write(text.decode())
        return 0
    try:
        arguments.output.write_bytes(text)
    except OSError as error:
        raise InputError(f"cannot write {arguments.output}: {error.strerror}") from None
    return 0


def _check(arguments: argparse.Namespace) -> int:
    contract = _contract(arguments.topic, arguments.version)
    name = "standard input" if arguments.file == "-" else arguments.file
    try:
        with _opened(arguments.file) as lines:
            number, documents, fault = _first(lines, contract, opened=arguments.kind == "open")
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror}") from None
    if arguments.json:
        found = None if fault is None else {"line": number, **fault._asdict()}
        print(json.dumps({"ok": fault is None, "documents": documents, "fault": found}))
    elif fault is None:
        of = f"{contract.name} {contract.version} ({arguments.kind})"
        print(f"{name}: {documents} valid under {of}")
    else:
        print(f"{name}, line {number}: {f'{fault.field}: ' if fault.field else ''}{fault.what}")
    return 0 if fault is None else _NOT_VALID


def _opened(file: str) -> BinaryIO:
    return sys.stdin.buffer if file == "-" else Path(file).open("rb")


def _first(
    lines: Iterable[bytes], contract: Contract, *, opened: bool
) -> tuple[int, int, Fault | None]:
    """(line, valid documents before it, its fault) of the first that has one; empty lines pass."""
    number = documents = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            return number, documents, Fault("", f"is no JSON: {error.msg}")
        if (fault := first_fault(document, contract, opened=opened)) is not None:
            return number, documents, fault
        documents += 1
    return number, documents, None


def _diff(arguments: argparse.Namespace) -> int:
    compared = _compared(arguments.old, arguments.new, arguments.topic)
    broken = {name: any(change.breaks for change in found) for name, found in compared.items()}
    if arguments.json:
        changes = {name: [c._asdict() for c in found] for name, found in compared.items()}
        print(json.dumps({"compatible": not any(broken.values()), "changes": changes}))
    else:
        for name, found in compared.items():
            for change in found:
                line = f"{change.field} {change.what}".strip()
                print(f"{name}: {'BREAKS: ' if change.breaks else ''}{line}")
            print(f"{name}: {'not compatible' if broken[name] else 'compatible'}")
    return _NOT_VALID if any(broken.values()) else 0


def _compared(old: str, new: str, topic: str) -> dict[str, list[Change]]:
    """Kind of schema -> what changed: versions are compared in both kinds, files in their own."""
    versions = {contract.version for contract in CONTRACTS}
    if old in versions and new in versions:
        before, after = _contract(topic, old), _contract(topic, new)
        return {
            "JSON Schema": json_changes(json_schema(before), json_schema(after)),
            "Avro": avro_changes(avro_schema(before), avro_schema(after)),
        }
    schemas = [_schema(one, topic, like=other) for one, other in ((old, new), (new, old))]
    kinds = [_is_avro(schema) for schema in schemas]
    if kinds[0] is not kinds[1]:
        raise UsageError("an Avro schema can't be compared with a JSON Schema")
    try:
        if kinds[0]:
            return {"Avro": avro_changes(*schemas)}
        return {"JSON Schema": json_changes(*schemas)}
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{old} or {new} is no schema that can be compared: {error!r}") from None


def _schema(text: str, topic: str, like: str) -> dict[str, Any]:
    """The schema of a file, or of a version in the kind that the other one's file is of."""
    if not Path(text).exists() and any(text == contract.version for contract in CONTRACTS):
        contract = _contract(topic, text)
        return (
            avro_schema(contract) if _is_avro(_schema(like, topic, "")) else json_schema(contract)
        )
    try:
        schema = orjson.loads(Path(text).read_bytes())
    except OSError as error:
        raise InputError(f"{text} is no version, and no file: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise InputError(f"{text} is no JSON: {error.msg}") from None
    if not (isinstance(schema, dict) and {"$schema", "properties", "type"} & schema.keys()):
        raise InputError(f"{text} holds no schema")
    return schema


def _is_avro(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "record"


def _register(arguments: argparse.Namespace) -> int:
    if arguments.kind == "avro" and arguments.kafka_topic is None:
        raise UsageError("Avro has a topic of its own", "name it with --kafka-topic")
    subject = f"{arguments.kafka_topic or arguments.topic}-value"
    registry = Registry(
        arguments.registry,
        user=arguments.user,
        password=_password(arguments.password_file),
        ca=arguments.ca,
    )
    new = subject not in registry.subjects()
    forms = [(one, form(one, arguments.kind)) for one in CONTRACTS if one.name == arguments.topic]
    wanted = forms[0][1].compatibility
    done: list[dict[str, object]] = []
    for contract, (_, kind, text, _) in forms:
        known = registry.lookup(subject, text, kind)
        absent = isinstance(known, Absent)
        number = registry.register(subject, text, kind) if isinstance(known, Absent) else known.id
        done.append({"version": contract.version, "id": number, "new": absent})
        if new and len(done) == 1:
            registry.set_compatibility(subject, wanted)
    kept = registry.compatibility(subject)
    if arguments.json:
        print(json.dumps({"subject": subject, "compatibility": kept, "versions": done}))
        return 0
    for one in done:
        was = "registered" if one["new"] else "was there"
        print(f"{subject}: {arguments.topic} {one['version']} has id {one['id']}, {was}")
    if kept != wanted:
        print(f"note: {subject} is kept to {kept}, and not to {wanted}")
    return 0


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from None
