"""What crosses between the kernel and user space is described twice: here the two are compared."""

import pytest

from shipper.capture import loader, owners
from shipper.capture.kernel import program_source
from shipper.capture.layout import PROCESS_FIELDS
from shipper.contract.events import Owner

from .layout_source import EVENT_FIELDS, assertions, compile_program, event_names

BUILDS = {
    "cgroup": ("-DFLOW_BY_COOKIE",),
    "interface": (),
    "replay": ("-DREPLAY",),
}


def test_the_compiler_agrees() -> None:
    """Offsets, sizes, enumerations, flags and the order of the counters are the same in C."""
    assert compile_program(assertions(), "-DREPLAY", "-Wno-everything") == ""


def test_a_wrong_offset_is_noticed() -> None:
    """Two fields of one size exchanged, in one description only."""
    fields = [*EVENT_FIELDS]
    one, two = (at for at, (name, _) in enumerate(fields) if name in {"sequence", "until"})
    fields[one], fields[two] = fields[two], fields[one]
    said = compile_program(assertions(tuple(fields)), "-DREPLAY", "-Wno-everything")
    assert "__builtin_offsetof(struct event, until) is not" in said


def test_a_wrong_counter_is_noticed() -> None:
    """The order of the counters counts too."""
    said = compile_program(
        '_Static_assert(FRAGMENTS == RETRANSMITTED, "as it should be");\n', "-DREPLAY"
    )
    assert "as it should be" in said


def test_no_hidden_padding() -> None:
    """The compiler adds no padding of its own to a struct that crosses."""
    said = compile_program("", "-DREPLAY", "-Wno-everything", "-Wpadded")
    for name in ("event", "process", "settings", "port_rule", "cpu_counters"):
        assert f"'struct {name}'" not in said


def test_the_contract_names_every_field() -> None:
    """A decoded event has the struct's fields in order, the bytes and the process at its end."""
    left = {"version", "length", "pad", "pad2", "process"}
    names = [name for name, _ in EVENT_FIELDS if name not in left]
    assert event_names() == (*names, "data", "process")
    assert Owner._fields == tuple(name for name, _ in PROCESS_FIELDS)


@pytest.mark.parametrize("loops", [(), ("-DHAVE_MAY_GOTO",)])
@pytest.mark.parametrize("build", BUILDS)
def test_no_warnings(build: str, loops: tuple[str, ...]) -> None:
    """Every build compiles without a word under -Wall."""
    assert compile_program("", *BUILDS[build], *loops, "-Wall") == ""


@pytest.mark.parametrize(
    ("build", "described"), [("cgroup", False), ("cgroup", True), ("interface", True)]
)
def test_no_warnings_about_owners(build: str, *, described: bool) -> None:
    """So do the programs that note whose sockets they are, whatever the kernel tells of itself."""
    numbers = owners.definitions() if described else {}
    told = (f"-D{name}={number}" for name, number in numbers.items())
    more = loader.fold(program_source().with_name("owner.c"))
    assert compile_program(more, *BUILDS[build], "-DOWNERS=64", *told, "-Wall") == ""
