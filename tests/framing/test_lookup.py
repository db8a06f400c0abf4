"""What the look-up makes of every kind of answer, of none, and of its file.

A stand-in answers here as no real registry can be made to; test_stock_readers.py has a real one.
"""

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers.waiting import eventually

from shipper.delivery import SchemaId, SchemaName
from shipper.errors import ConfigError, ShipperError
from shipper.registry import Asking, Lookup, Registry, form_of

from .standin import Answer, StandIn

TOPIC = "http.header.confluent.v1"
SUBJECT = f"{TOPIC}-value"
OLD = SchemaName("http.header.v1", "1.0", "application/json")
NEW = OLD._replace(version="1.1")
AVRO = OLD._replace(content_type="avro/binary")


@pytest.fixture
def registry() -> Iterator[StandIn]:
    """One with nothing in it."""
    with StandIn() as it:
        yield it


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where answers are kept."""
    return tmp_path / "schema-ids.json"


class Looking(Lookup):
    """A look-up with its log, asked by hand instead of by its thread; no line is held back."""

    def __init__(self, registry: StandIn, file: Path | None = None, **more: Any) -> None:  # noqa: ANN401
        self.said: list[tuple[int, str]] = []
        login = more.pop("login", {})
        asking = Asking(
            registry.url, TOPIC, lambda: Registry(registry.url, timeout_s=2, **login), **more
        )
        ticks = iter(range(0, 10**9, 10**6))
        super().__init__(
            asking,
            log=lambda level, line: self.said.append((level, line)),
            file=file,
            clock=lambda: next(ticks),
        )

    def after(self, *names: SchemaName) -> list[SchemaId | None]:
        """What is known once all were asked for."""
        for name in names:
            self.ids(name)
        self.turn()
        return [self.ids(name) for name in names]

    def line(self) -> str:
        """The last line, with its level before it."""
        level, line = self.said[-1]
        return f"{logging.getLevelName(level)} {line}"


def stored(registry: StandIn, name: SchemaName, subject: str = SUBJECT) -> int:
    """The id that the schema has there."""
    form = form_of(*name)
    assert form is not None
    return registry.has(subject, form.text, form.kind).id


def test_found(registry: StandIn) -> None:
    """Each schema has its own id; both versions may stand in one topic."""
    ids = [stored(registry, name) for name in (OLD, NEW, AVRO)]
    looking = Looking(registry)
    assert [one and one.number for one in looking.after(OLD, NEW, AVRO)] == ids
    assert looking.line() == f"INFO http.header.v1 1.0 under {SUBJECT} has id {ids[2]}"


def test_an_unknown_schema_is_never_asked_about(registry: StandIn) -> None:
    """What is none of ours, as a later program's version in a spool, is said and waits."""
    looking = Looking(registry)
    assert looking.after(OLD._replace(version="9.9")) == [None]
    assert "http.header.v1 9.9 is no schema of this program" in looking.line()
    assert not registry.asked


@pytest.mark.parametrize(
    ("others", "compatible", "remedy"),
    [
        (False, True, f"run `shipper schema register --registry URL --kafka-topic {TOPIC}`"),
        (True, True, f"run `shipper schema register --registry URL --kafka-topic {TOPIC}`"),
        (True, False, "give these records a topic of their own (kafka.topic)"),
    ],
    ids=["no subject", "another version", "incompatible"],
)
def test_missing_then_there(
    registry: StandIn, *, others: bool, compatible: bool, remedy: str
) -> None:
    """It is said what to do, nothing is registered, and once it is there the id is known."""
    registry.compatible = compatible
    if others:
        registry.has(SUBJECT, '{"type": "object"}', "JSON")
    looking = Looking(registry)
    assert looking.after(OLD) == [None]
    assert looking.line().startswith("ERROR ")
    assert remedy.replace("URL", registry.url) in looking.line()
    assert looking.line().endswith("; its records wait in the meantime")
    assert not [path for _, path in registry.asked if path.endswith("/versions")]
    number = stored(registry, OLD)
    assert looking.after(OLD) == [SchemaId(number, looking.ids(OLD).guid)]  # type: ignore[union-attr]


def test_registered_when_told(registry: StandIn) -> None:
    """With auto_register it is registered, and a new subject is kept to what its schema is."""
    looking = Looking(registry, register=True)
    (known,) = looking.after(OLD)
    assert known is not None
    assert known.number == stored(registry, OLD)
    assert registry.levels == {SUBJECT: "BACKWARD_TRANSITIVE"}
    looking.after(OLD, NEW)
    assert len(registry.stored) == 2


def test_registering_refused(registry: StandIn) -> None:
    """What the registry refuses to take waits."""
    registry.takes = False
    looking = Looking(registry, register=True)
    assert looking.after(OLD) == [None]
    assert "refuses the schema: incompatible; its records wait" in looking.line()


def _with(**fields: object) -> Any:  # noqa: ANN401
    """The true answer with other fields."""

    def instead(answer: Answer) -> Answer:
        status, content = answer
        assert isinstance(content, dict)
        return status, {**content, **fields}

    return instead


WRONG: dict[str, Any] = {
    "no id": lambda answer: (200, {k: v for k, v in answer[1].items() if k != "id"}),
    "no schema": lambda answer: (200, {k: v for k, v in answer[1].items() if k != "schema"}),
    "id as text": _with(id="7"),
    "id too large": _with(id=1 << 31),
    "id negative": _with(id=-1),
    "id true": _with(id=True),
    "id null": _with(id=None),
    "another subject": _with(subject="http.header.v1-value"),
    "another schema": _with(schema='{"type": "object"}'),
    "another kind": _with(schemaType="AVRO"),
    "a schema that is none": _with(schema="<xml/>"),
    "a list": lambda _: (200, [1]),
    "null": lambda _: (200, None),
    "a page": lambda _: (200, b"<html>log in</html>"),
    "nothing": lambda _: (200, b""),
    "a redirection": lambda _: (307, b""),
    "404 of a proxy": lambda _: (404, b"<html>no such page</html>"),
    "404 of another service": lambda _: (404, {"error": "Not Found"}),
    "500": lambda _: (500, {"error_code": 50001, "message": "store"}),
    "no HTTP": lambda _: b"\x00\x01SSH-2.0\r\n",
    "a GUID that is none": _with(guid="x"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_answer_lets_no_id_out(registry: StandIn, file: Path, wrong: str) -> None:
    """Neither a new id, nor another one than before; what was known stays, and nothing is kept."""
    number = stored(registry, OLD)
    registry.instead = WRONG[wrong]
    looking = Looking(registry, file)
    assert looking.after(OLD) == [None]
    assert not file.exists()
    assert looking.line().startswith("ERROR ")
    registry.instead = None
    (known,) = looking.after(OLD)
    assert known is not None
    assert known.number == number
    kept = file.read_bytes()
    registry.instead = WRONG[wrong]
    assert looking.after(OLD) == [known]
    assert f"WARNING {looking.line()[8:]}" == looking.line()
    assert f"id {number}, as known from before, serves on" in looking.line()
    assert file.read_bytes() == kept


def test_an_avro_schema_in_other_words(registry: StandIn) -> None:
    """A registry may write it in its own way: what reads alike is the same schema."""
    number = stored(registry, AVRO)
    text = json.loads(registry.stored[0].text)
    text["fields"] = [{k: v for k, v in f.items() if k != "doc"} for f in text["fields"]]
    text["name"], text["namespace"] = f"{text['namespace']}.{text['name']}", ""
    registry.instead = _with(schema=json.dumps(text))
    (known,) = Looking(registry).after(AVRO)
    assert known is not None
    assert known.number == number


def test_the_registry_goes_and_comes(registry: StandIn) -> None:
    """The id serves on; going and coming are told once each."""
    number = stored(registry, OLD)
    looking = Looking(registry)
    (known,) = looking.after(OLD)
    registry.down()
    assert looking.after(OLD) == [known]
    assert "can't be asked" in looking.line()
    assert f"; id {number}, as known from before, serves on" in looking.line()
    registry.up()
    assert looking.after(OLD) == [known]
    assert looking.line() == f"INFO the registry {registry.url} answers again"
    said = len(looking.said)
    looking.after(OLD)
    assert len(looking.said) == said


def test_a_start_while_it_is_away(registry: StandIn, file: Path) -> None:
    """With the file of an earlier start the id is known; without, records wait."""
    stored(registry, OLD)
    (known,) = Looking(registry, file).after(OLD)
    registry.down()
    looking = Looking(registry, file)
    assert looking.ids(OLD) is None  # first the registry is asked
    assert looking.after(OLD) == [known]
    assert Looking(registry, file).after(NEW) == [None]
    assert Looking(registry).after(OLD) == [None]


@pytest.mark.parametrize("what", ["url", "subject", "sha256", "version"])
def test_the_file_is_good_for_one_question(registry: StandIn, file: Path, what: str) -> None:
    """An answer about another registry, subject, schema or version is none."""
    stored(registry, OLD)
    Looking(registry, file).after(OLD)
    entries = json.loads(file.read_text())
    entries[0]["registry" if what == "url" else what] = "x"
    file.write_text(json.dumps(entries))
    registry.down()
    assert Looking(registry, file).after(OLD) == [None]


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", '[{"id": "7"}]', "[[]]", "\udcff"])
def test_a_damaged_file_costs_nothing_else(registry: StandIn, file: Path, content: str) -> None:
    """The registry is asked, and the file is written anew."""
    number = stored(registry, OLD)
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    (known,) = Looking(registry, file).after(OLD)
    assert known is not None
    assert json.loads(file.read_text())[0]["id"] == known.number == number


def test_a_file_that_cannot_be_written(registry: StandIn, tmp_path: Path) -> None:
    """No file, no harm."""
    stored(registry, OLD)
    assert Looking(registry, tmp_path / "none" / "x").after(OLD) != [None]


def test_processes_share_the_file(registry: StandIn, file: Path) -> None:
    """Each keeps what the others wrote; 0600, since it says where the registry is."""
    stored(registry, OLD)
    stored(registry, NEW)
    first, second = Looking(registry, file), Looking(registry, file)
    first.after(OLD)
    second.after(NEW)
    registry.down()
    assert None not in Looking(registry, file).after(OLD, NEW)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_surely_gone(registry: StandIn, file: Path) -> None:
    """Deleted while the agent runs: no id, rather than one that may be another schema's by now.

    The file forgets it too; what is registered again has the id that it has then.
    """
    stored(registry, OLD)
    looking = Looking(registry, file)
    (known,) = looking.after(OLD)
    registry.rebuilt()
    assert looking.after(OLD) == [None]
    assert json.loads(file.read_text()) == []
    number = stored(registry, OLD)
    (again,) = looking.after(OLD)
    assert again is not None
    assert again.number == number != known.number  # type: ignore[union-attr]


def test_another_id(registry: StandIn) -> None:
    """The registry was made anew between two look-ups: its word counts, and it is said."""
    first = stored(registry, OLD)
    looking = Looking(registry)
    looking.after(OLD)
    registry.rebuilt()
    second = stored(registry, OLD)
    (known,) = looking.after(OLD)
    assert known is not None
    assert known.number == second != first
    assert looking.line().startswith("WARNING ")
    assert f"has id {second} now, and had {first}" in looking.line()


def test_rights(registry: StandIn) -> None:
    """A wrong password is said without it; with the right one it works."""
    stored(registry, OLD)
    registry.user = "anna:right"
    looking = Looking(registry, login={"user": "anna", "password": "wrong"})
    assert looking.after(OLD) == [None]
    assert "refuses who asks (401)" in looking.line()
    assert "wrong" not in looking.line()
    looking = Looking(registry, login={"user": "anna", "password": "right"})
    assert looking.after(OLD) != [None]


def test_no_guid(registry: StandIn, file: Path) -> None:
    """A registry that gives none is of no use to `guid`, also through the file."""
    stored(registry, OLD)
    (known,) = Looking(registry, file, needs_guid=True).after(OLD)
    assert known is not None
    assert known.guid is not None
    registry.guids = False
    looking = Looking(registry, file, needs_guid=True)
    assert looking.after(OLD) == [None]
    assert 'gives no GUID, and kafka.framing is "guid": set kafka.framing = "confluent"' in (
        looking.line()
    )
    Looking(registry, file).after(OLD)
    registry.down()
    assert Looking(registry, file, needs_guid=True).after(OLD) == [None]
    assert Looking(registry, file).after(OLD) != [None]


def test_asked_now(registry: StandIn) -> None:
    """Who asks by hand, as `doctor` does, gets the same lines as errors, each with its code."""
    asking = Asking(registry.url, TOPIC, lambda: Registry(registry.url), needs_guid=True)
    with pytest.raises(ShipperError, match="has no subject"):
        asking.ask(OLD)
    number = stored(registry, OLD)
    assert asking.ask(OLD).id == number
    registry.guids = False
    with pytest.raises(ConfigError, match="gives no GUID"):
        asking.ask(OLD)


def test_what_connecting_lacks(registry: StandIn) -> None:
    """A password's file that is gone is said, and what was known serves on."""
    stored(registry, OLD)
    there = threading.Event()

    def connect() -> Registry:
        if there.is_set():
            raise ConfigError("registry.password_file: can't read /p")
        return Registry(registry.url)

    said: list[str] = []
    looking = Lookup(Asking(registry.url, TOPIC, connect), log=lambda _, line: said.append(line))
    looking.ids(OLD)
    looking.turn()
    there.set()
    looking.turn()
    assert looking.ids(OLD) is not None
    assert said[-1].startswith("registry.password_file: can't read /p; id ")


def test_in_its_thread(registry: StandIn) -> None:
    """It asks by itself: at the start, for what is new at once, and again while it is missing."""
    stored(registry, OLD)
    asking = Asking(registry.url, TOPIC, lambda: Registry(registry.url))
    looking = Lookup(asking, log=lambda *_: None)
    looking.start(OLD)
    try:
        eventually(lambda: looking.ids(OLD) is not None, "known from the start", 10)
        assert looking.ids(NEW) is None
        eventually(lambda: len(registry.asked) > 3, "asked for the new one", 10)
        stored(registry, NEW)
        eventually(lambda: looking.ids(NEW) is not None, "known once it is there", 40)
    finally:
        looking.close()
