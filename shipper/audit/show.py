"""The report -> a table and lines for people, or one JSON object for programs."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shipper.audit.judge import Judgement, Missing
from shipper.audit.report import Host, Incarnation, Report
from shipper.moments import moment_text
from shipper.tail import printable

_MOST_LINES: Final = 20
_STYLES: Final = {"complete": "bold green", "explained": "bold yellow", "unexplained": "bold red"}
_FATES: Final = {"dead_letter": "dead-lettered", "lost": "lost", "waiting": "waiting"}


def show(report: Report, console: Console) -> None:
    """Print everything that a person wants to know, the verdict last."""
    if report.hosts:
        console.print(_table(report))
    for line in _lines(report):
        console.print(line, soft_wrap=True)
    console.print(Text(verdict_line(report), _STYLES[report.verdict]), soft_wrap=True)


def verdict_line(report: Report) -> str:
    """The answer in one line."""
    workers = list(report.workers())
    found, expected = sum(w.found for w in workers), sum(w.end - w.first for w in workers)
    head = f"{report.verdict}: {found} of {expected} records are in the topic"
    waiting, unexplained = report.total("waiting"), report.total("unexplained")
    parts = [
        f"{waiting} wait in a spool" if waiting else "",
        f"{unexplained} are missing without a reason" if unexplained else "",
        f"{len(report.broken)} equations do not hold" if report.broken else "",
        f"{sum(report.unaccounted.values())} have no ledger" if report.unaccounted else "",
    ]
    return "; ".join([head, *filter(None, parts)])


def losses_line(report: Report) -> str:
    """What is lost or out of the topic, by reason; "" if nothing is."""
    losses = ", ".join(f"{n} {printable(reason)}" for reason, n in report.losses.most_common())
    return f"counted losses: {losses}" if losses else ""


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("host", overflow="fold")
    table.add_column("start", no_wrap=True)
    table.add_column("worker", justify="right")
    table.add_column("state", no_wrap=True)
    for name in ("expected", "found", "missing", "twice"):
        table.add_column(name, justify="right", no_wrap=True)
    for host in report.hosts:
        for one in host.incarnations:
            for worker in one.workers:
                missing = sum(gap.count for gap in worker.missing)
                table.add_row(
                    Text(_name(host)),
                    Text(printable(one.ephemeral[:8])),
                    str(worker.worker),
                    Text("silent" if worker.silent else printable(one.state)),
                    str(worker.end - worker.first),
                    str(worker.found),
                    Text(str(missing), "bold" if missing else ""),
                    str(worker.duplicates),
                )
    return table


def _name(host: Host) -> str:
    return printable(host.name or host.agent)


def _lines(report: Report) -> Iterator[Text]:
    for host in report.hosts:
        name = _name(host)
        for one in host.incarnations:
            for worker in one.workers:
                yield from _worker_lines(f"{name} {printable(one.ephemeral[:8])}", worker)
            for number in one.unaccounted_workers:
                yield Text(f"{name}: worker {number} has written no account", "bold red")
            yield from _counted_lines(f"{name} {printable(one.ephemeral[:8])}", one)
        for begin, end in host.unobserved:
            seconds = (end - begin) / 1000
            span = f"{moment_text(begin)} to {moment_text(end)}"
            yield Text(f"{name}: nobody looked for {seconds:.1f} s, {span}", "yellow")
        for one in host.unclosed:
            said = f"{printable(one.ephemeral[:8])} ended without a last account"
            since = f"what it numbered after {moment_text(one.until)} is not known"
            yield Text(f"{name}: {said}: {since}", "yellow")
        if host.silent:
            last = moment_text(max(one.until for one in host.incarnations))
            yield Text(f"{name}: silent since {last}, with no word of its end", "bold yellow")
    yield from (Text(f"does not hold: {printable(said)}", "bold red") for said in report.broken)
    for ephemeral, count in report.unaccounted.items():
        said = f"{count} records of {printable(ephemeral)} have no ledger: nobody can say how many"
        yield Text(said, "bold red")
    for topic, count in report.malformed.items():
        yield Text(f"{count} messages on {printable(topic)} could not be read", "yellow")


def _worker_lines(name: str, worker: Judgement) -> Iterator[Text]:
    for gap in worker.missing[:_MOST_LINES]:
        yield Text(f"{name} worker {worker.worker}: {_gap(gap)}", _gap_style(gap))
    if len(worker.missing) > _MOST_LINES:
        more = len(worker.missing) - _MOST_LINES
        yield Text(f"{name} worker {worker.worker}: and {more} gaps more (--json has all)")
    if worker.beyond:
        said = f"{worker.beyond} records bear numbers beyond its last account"
        yield Text(f"{name} worker {worker.worker}: {said}", "bold red")


def _gap(gap: Missing) -> str:
    numbers = str(gap.first) if gap.first == gap.last else f"{gap.first} to {gap.last}"
    head = f"{numbers} ({gap.count})" if gap.count > 1 else numbers
    fate = _FATES.get(gap.fate)
    return f"{head} {fate}: {printable(gap.reason)}" if fate else f"{head} UNEXPLAINED"


def _gap_style(gap: Missing) -> str:
    return {"waiting": "dim", "unexplained": "bold red"}.get(gap.fate, "yellow")


def _counted_lines(name: str, one: Incarnation) -> Iterator[Text]:
    untold = one.attribution
    for what, counts, style in (
        ("exchanges that became no record", one.discarded, "yellow"),
        ("lost in the kernel", one.kernel_losses, "yellow"),
        ("connections", one.coverage, "dim"),
        ("exchanges without container and unit", untold.get("unattributed"), "dim"),
        ("exchanges without process", untold.get("unnamed"), "dim"),
    ):
        if counts:
            yield Text(f"{name}: {what}: {_counts(counts.items())}", style)


def _counts(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {printable(name)}" for name, count in counts)


def as_json(report: Report) -> dict[str, Any]:
    """One object; times in RFC 3339."""
    workers = list(report.workers())
    window = report.window
    return {
        "verdict": report.verdict,
        "from": None if window.first is None else moment_text(window.first),
        "to": moment_text(window.last),
        "expected": sum(w.end - w.first for w in workers),
        "found": sum(w.found for w in workers),
        "waiting": report.total("waiting"),
        "dead_lettered": report.total("dead_letter"),
        "lost": report.total("lost"),
        "unexplained": report.total("unexplained"),
        "duplicates": sum(w.duplicates for w in workers),
        "losses": dict(report.losses),
        "broken": report.broken,
        "unaccounted": report.unaccounted,
        "malformed": report.malformed,
        "hosts": [_host(host) for host in report.hosts],
    }


def _host(host: Host) -> dict[str, Any]:
    return {
        "agent": host.agent,
        "name": host.name,
        "silent": host.silent,
        "unclosed": [one.ephemeral for one in host.unclosed],
        "last_seen": moment_text(max(one.until for one in host.incarnations)),
        "unobserved": [
            {"from": moment_text(a), "until": moment_text(b), "seconds": (b - a) / 1000}
            for a, b in host.unobserved
        ],
        "incarnations": [_incarnation(one) for one in host.incarnations],
    }


def _incarnation(one: Incarnation) -> dict[str, Any]:
    return {
        "ephemeral_id": one.ephemeral,
        "state": one.state,
        "started": moment_text(one.started),
        "until": moment_text(one.until),
        "coverage": one.coverage,
        "attribution": one.attribution,
        "kernel_losses": one.kernel_losses,
        "discarded": one.discarded,
        "letters": one.letters,
        "workers_without_account": one.unaccounted_workers,
        "workers": [
            {
                "worker": worker.worker,
                "first": worker.first,
                "end": worker.end,
                "found": worker.found,
                "duplicates": worker.duplicates,
                "twice": list(worker.twice),
                "beyond": worker.beyond,
                "silent": worker.silent,
                "missing": [
                    {
                        "first": gap.first,
                        "last": gap.last,
                        "count": gap.count,
                        "fate": gap.fate,
                        "reason": gap.reason,
                    }
                    for gap in worker.missing
                ],
            }
            for worker in one.workers
        ],
    }
