"""What was seen -> a table for a person, figures for a program."""

from collections.abc import Sequence
from typing import Any

from .agent import Seen
from .build import LIMIT_MB, Image


def contents(image: Image) -> str:
    """What an image is made of, as a table of Markdown."""
    rows = [f"| {what} | {size:.0f} |" for what, size in image.parts.items()]
    total = f"| **{image.name}**, at most {LIMIT_MB} | **{image.megabytes:.0f}** |"
    return "\n".join(["| what | MB unpacked |", "| --- | --- |", *rows, total])


def rights(starts: Sequence[Seen]) -> str:
    """Hook, rights, and whether they do, as a table of Markdown."""
    rows = [
        f"| {seen.rights.hook} | {seen.rights.name} | {_capabilities(seen)} | {_verdict(seen)} |"
        for seen in starts
    ]
    head = "| hook | started as | capabilities | works |"
    return "\n".join([head, "| --- | --- | --- | --- |", *rows])


def figures(image: Image, starts: Sequence[Seen]) -> dict[str, Any]:
    """The same for a program."""
    return {
        "ok": image.ok and all(seen.ok for seen in starts),
        "image": image.identity,
        "megabytes": round(image.megabytes),
        "unwanted": image.unwanted,
        "starts": [
            {
                "hook": seen.rights.hook,
                "rights": seen.rights.name,
                "capabilities": seen.rights.capabilities,
                "works": seen.works,
                "expected": seen.rights.works,
                "asked": seen.asked,
                "host_records": seen.host_records,
                "other_records": seen.other_records,
                "code": seen.code,
                "ready_s": round(seen.ready_s, 1),
                "memory_mb": round(seen.memory_mb),
                "left": seen.left,
                "said": seen.said,
            }
            for seen in starts
        ],
    }


def _capabilities(seen: Seen) -> str:
    if seen.rights.privileged:
        return "all"
    names = ", ".join(seen.rights.capabilities)
    return f"the engine's own, {names}" if seen.rights.keeps_defaults else names


def _verdict(seen: Seen) -> str:
    if seen.works:
        return "yes"
    if not seen.ready:
        return f"no: {seen.said[-160:]}"
    lacking = f"{seen.host_records} and {seen.other_records} of {seen.asked} records"
    return f"no: {lacking}, code {seen.code}, {', '.join(seen.left) or 'nothing left'}"
