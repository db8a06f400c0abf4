"""The command line: `shipper run` and all the others."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NoReturn, get_args

from shipper import __version__
from shipper.config import DEFAULT_PATH, Config, Encoding, load, parse_pairs
from shipper.errors import ShipperError, UsageError

_DESCRIPTION = """\
HTTP exchanges of this host, seen by eBPF, as validated records on Kafka.

A first try, with everything built in:   shipper demo
What this machine can do:                shipper doctor
On to your own Kafka:                    shipper run --bootstrap-servers kafka:9092
And look at what arrives:                shipper tail --bootstrap-servers kafka:9092
How the APIs do, live:                   shipper top --bootstrap-servers kafka:9092
"""
_EPILOG = f"""\
Settings come from defaults, then the file (--config, else $SHIPPER_CONFIG, else {DEFAULT_PATH} if
it exists), then the environment (SHIPPER_CAPTURE__HOOK=interface), then flags.
"""
#: The commands that look at topics, and bring dependencies of their own along.
_INSIGHT = frozenset({"top", "watch"})


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and where help is."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"`{self.prog} --help` shows what there is")


def _configuration(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("configuration")
    group.add_argument("--config", type=Path, metavar="FILE", help="the TOML file to read")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set any key of the configuration, as in --set capture.workers=2 (repeatable)",
    )
    group.add_argument("--bootstrap-servers", metavar="HOST:PORT,…", help="the Kafka brokers")
    group.add_argument("--topic", help="the topic of the records (http.header.v1)")


def _capture(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("capture")
    group.add_argument(
        "--hook",
        choices=("cgroup", "interface"),
        help="cgroup: the sockets of this host and its containers (default); interface: packets",
    )
    group.add_argument(
        "--interface",
        action="append",
        metavar="NAME",
        help="an interface to listen on, or all; implies --hook interface (repeatable)",
    )
    group.add_argument(
        "--role",
        action="append",
        choices=("server", "client"),
        help="server: what this host answers (default); client: what it asks of others",
    )


def build_parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Every command; and the options of the one that `argv` names."""
    parser = _Parser(
        prog="shipper",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"shipper {__version__}")
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=_Parser
    )

    run = commands.add_parser("run", help="capture and deliver until Ctrl-C or SIGTERM")
    _configuration(run)
    _capture(run)
    run.add_argument(
        "--output",
        action="append",
        metavar="WHERE",
        help="kafka (default), stdout, or file:PATH; JSON lines (repeatable)",
    )

    replay = commands.add_parser(
        "replay", help="a capture file (pcap, pcapng, .gz) to JSON lines on standard output"
    )
    replay.add_argument("file", type=Path, metavar="FILE")
    replay.add_argument(
        "--encoding", choices=get_args(Encoding), help="form of the records (ecs; no avro here)"
    )
    _configuration(replay)

    tail = commands.add_parser("tail", help="follow the topic, a line a record")
    _configuration(tail)

    top = commands.add_parser("top", help="what the APIs do now: rate, errors, latency by route")
    _configuration(top)
    _capture(top)

    watch = commands.add_parser("watch", help="hold what comes against rules, and raise alerts")
    _configuration(watch)

    headers = commands.add_parser(
        "headers", help="which header names occur, how often, and whether they are kept"
    )
    headers.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a capture file")
    headers.add_argument(
        "--seconds", type=float, default=10.0, help="how long to look at live traffic (10)"
    )
    headers.add_argument("--json", action="store_true", help="for programs")
    _configuration(headers)
    _capture(headers)

    doctor = commands.add_parser("doctor", help="what this machine can do, and what to do about it")
    doctor.add_argument("--json", action="store_true", help="for programs")
    doctor.add_argument(
        "--seconds", type=float, default=2.0, help="how long to watch what connections speak (2)"
    )
    _configuration(doctor)
    _capture(doctor)

    health = commands.add_parser("health", help="is the running agent well (exit code)")
    _configuration(health)

    reload = commands.add_parser(
        "reload", help="have the running agent read its configuration anew"
    )
    _configuration(reload)

    topics = commands.add_parser("topics", help="plan, create or check the topics and their rights")
    _configuration(topics)

    audit = commands.add_parser("audit", help="is everything in the topic, and if not, why")
    _configuration(audit)

    dead = commands.add_parser("dead-letters", help="what could not be published: list, resend")
    _configuration(dead)

    schema = commands.add_parser("schema", help="export schemas, check documents, compare versions")

    demo = commands.add_parser("demo", help="everything on this machine: traffic, broker, records")
    # These know their own options, and bring a Kafka client along: only when they are meant.
    for name, command in (
        ("tail", tail),
        ("top", top),
        ("watch", watch),
        ("health", health),
        ("reload", reload),
        ("topics", topics),
        ("audit", audit),
        ("dead-letters", dead),
        ("schema", schema),
        ("demo", demo),
    ):
        if name in argv:
            _module(name).add_arguments(command)
    return parser


def configuration(arguments: argparse.Namespace) -> Config:
    """The configuration that the flags, the environment and the file amount to."""
    flags: dict[str, object] = dict(parse_pairs(arguments.set))
    named = {
        "kafka.bootstrap.servers": arguments.bootstrap_servers,
        "kafka.topic": arguments.topic,
        "record.encoding": getattr(arguments, "encoding", None),
        "capture.hook": getattr(arguments, "hook", None),
        "capture.interfaces": getattr(arguments, "interface", None),
        "capture.roles": getattr(arguments, "role", None),
        "output": getattr(arguments, "output", None),
    }
    if named["capture.interfaces"] and not named["capture.hook"]:
        named["capture.hook"] = "interface"
    flags.update({key: value for key, value in named.items() if value is not None})
    return load(arguments.config, environ=os.environ, flags=flags)


def _dispatch(arguments: argparse.Namespace) -> int:
    """Import what the command needs, and no more: `--help` shall not load a Kafka client."""
    match arguments.command:
        case "run":
            from shipper import agent  # noqa: PLC0415

            return agent.run(lambda: configuration(arguments))
        case "replay":
            from shipper import replay  # noqa: PLC0415

            return replay.run(arguments.file, configuration(arguments))
        case "demo":
            from shipper import demo  # noqa: PLC0415

            return demo.run(arguments)
        case "schema":
            from shipper import schema  # noqa: PLC0415

            return schema.run(arguments)
        case name:
            code: int = _module(name).run(arguments, configuration(arguments))
            return code


def _module(command: str) -> ModuleType:
    """A command's module: `run(arguments, configuration)`, and perhaps `add_arguments(parser)`."""
    room = "shipper.insight" if command in _INSIGHT else "shipper"
    return import_module(f"{room}.{command.replace('-', '_')}")


def main(argv: Sequence[str] | None = None) -> int:
    """The program; returns the exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(build_parser(given).parse_args(given))
    except ShipperError as error:
        print(f"shipper: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
