"""Placeholder until the demo lands."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None: ...
def run(args: argparse.Namespace) -> int:
    return 1
