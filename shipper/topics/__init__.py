"""`shipper topics`: prints, makes and checks the four topics and the least rights to them."""

import argparse
import json
import re
from dataclasses import asdict
from typing import Final

from rich.console import Console
from rich.table import Table

from shipper.config import Config
from shipper.delivery import TopicAdmin
from shipper.errors import ShipperError, UsageError
from shipper.topics.compare import Difference, differences, missing
from shipper.topics.plan import Plan, Wishes, commands, plan, principal

_UNITS_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DIFFERS: Final = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `shipper topics`."""
    parser.add_argument(
        "action",
        choices=("plan", "create", "check"),
        help="plan: print them; create: make what is missing, alter nothing; "
        "check: compare (exit code 1 where something that matters differs)",
    )
    parser.add_argument("--partitions", type=int, default=6, help="of the records' topic (6)")
    parser.add_argument(
        "--replication-factor", type=int, help="replicas of each (3, or one a broker if fewer)"
    )
    parser.add_argument("--retention", default="7d", help="of records, as in 36h, 7d or forever")
    parser.add_argument(
        "--account-retention", default="30d", help="of ledger, dead letters and alerts (30d)"
    )
    parser.add_argument(
        "--agent-principal",
        action="append",
        default=[],
        metavar="USER",
        help="who may write records, ledger and dead letters (repeatable)",
    )
    parser.add_argument(
        "--reader-principal",
        action="append",
        default=[],
        metavar="USER",
        help="who may read all four (repeatable)",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--commands",
        action="store_true",
        help="with plan: the lines for Kafka's own tools, for whoever may not do it from here",
    )


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Plan, create or check; the exit code."""
    wishes = _wishes(arguments)
    if arguments.action == "plan":
        return _plan(arguments, config, wishes)
    admin = TopicAdmin(dict(config.kafka.settings))
    made = plan(config, wishes, admin.brokers())
    if arguments.action == "create":
        return _create(arguments, made, admin)
    return _check(arguments, made, admin)


def _wishes(arguments: argparse.Namespace) -> Wishes:
    for name in ("partitions", "replication_factor"):
        if (value := getattr(arguments, name)) is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} {value}: at least 1 is needed")
    return Wishes(
        partitions=arguments.partitions,
        replication=arguments.replication_factor,
        retention_ms=_milliseconds(arguments.retention),
        account_retention_ms=_milliseconds(arguments.account_retention),
        agents=tuple(principal(text) for text in arguments.agent_principal),
        readers=tuple(principal(text) for text in arguments.reader_principal),
    )


def _milliseconds(text: str) -> int:
    if text == "forever":
        return -1
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if found is None or not int(found[1]):
        raise UsageError(f"{text}: no time that something is kept", "as in 36h, 7d or forever")
    return int(found[1]) * _UNITS_MS[found[2]]


def _plan(arguments: argparse.Namespace, config: Config, wishes: Wishes) -> int:
    """Nobody need answer for a plan: without a cluster it is one for three brokers or more."""
    servers = str(config.kafka.settings.get("bootstrap.servers", ""))
    note = ""
    try:
        brokers = TopicAdmin(dict(config.kafka.settings), 5.0).brokers() if servers else 3
    except ShipperError as error:
        brokers, note = 3, f"planned for three brokers: {error}"
    made = plan(config, wishes, brokers)
    if arguments.commands:
        print("\n".join(commands(made, servers)))
    elif arguments.json:
        print(json.dumps(_as_json(made)))
    else:
        _show(made)
        if note:
            print(note)
    return 0


def _create(arguments: argparse.Namespace, made: Plan, admin: TopicAdmin) -> int:
    done: list[dict[str, object]] = []
    known = admin.topics(topic.name for topic in made.topics)
    for topic in made.topics:
        new = topic.name not in known and admin.create(topic)
        done.append({"topic": topic.name, "created": new})
    if made.rights:
        held = admin.rights() or set()
        wanted = missing(made, held)
        for right in wanted:
            admin.grant(right)
        done += [{**right._asdict(), "created": right in wanted} for right in made.rights]
    if arguments.json:
        print(json.dumps({"done": done}))
        return 0
    for one in done:
        what = (
            f"{one['principal']} {one['operation']} on {one['topic']}"
            if "principal" in one
            else one["topic"]
        )
        print(f"{what}: {'made' if one['created'] else 'was there'}")
    return 0


def _check(arguments: argparse.Namespace, made: Plan, admin: TopicAdmin) -> int:
    names = [topic.name for topic in made.topics]
    rights = admin.rights() if made.rights else set()
    found = list(differences(made, admin.topics(names), rights))
    failed = any(difference.matters for difference in found)
    if arguments.json:
        print(json.dumps({"ok": not failed, "differences": [asdict(d) for d in found]}))
    else:
        for difference in found:
            print(_line(difference))
        if not found:
            print(f"{', '.join(names)}: as planned")
    return _DIFFERS if failed else 0


def _line(difference: Difference) -> str:
    head = f"{difference.topic} {difference.said}".strip()
    line = f"{head}: {difference.remedy}" if difference.remedy else head
    return line if difference.matters else f"note: {line}"


def _as_json(made: Plan) -> dict[str, object]:
    return {
        "topics": [asdict(topic) for topic in made.topics],
        "acls": [right._asdict() for right in made.rights],
    }


def _show(made: Plan) -> None:
    console = Console(highlight=False, markup=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("topic", no_wrap=True)
    for name in ("partitions", "replicas", "in sync", "kept", "largest"):
        table.add_column(name, justify="right", no_wrap=True)
    for topic in made.topics:
        table.add_row(
            topic.name,
            str(topic.partitions),
            str(topic.replication),
            topic.config["min.insync.replicas"],
            _kept(int(topic.config["retention.ms"])),
            topic.config["max.message.bytes"],
        )
    console.print(table)
    for name in ("cleanup.policy", "compression.type"):
        console.print(f"each: {name}={made.topics[0].config[name]}")
    for right in made.rights:
        console.print(f"{right.principal} may {right.operation} {right.topic}")
    if not made.rights:
        console.print("no rights: name --agent-principal and --reader-principal", style="dim")


def _kept(milliseconds: int) -> str:
    if milliseconds < 0:
        return "forever"
    unit = next(u for u in ("d", "h", "m", "s") if milliseconds % _UNITS_MS[u] == 0)
    return f"{milliseconds // _UNITS_MS[unit]} {unit}"
