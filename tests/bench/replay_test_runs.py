"""`python -m bench.replay_test_runs FILE`: seconds of CPU to show its packets to the program.

What a replay takes for that alone: one BPF_PROG_TEST_RUN for each packet, the program's own run
and its way in and out of the kernel included. Reading the file and the ring is left out.
"""

import sys
import time
from pathlib import Path
from typing import Final

from shipper import wiring
from shipper.capture import CaptureFile, TestRun, open_kernel
from shipper.capture.packets import Packets
from shipper.capture.segments import pieces
from shipper.config import Config

#: Packets between two times at which the ring is emptied.
_BATCH: Final = 500


def cost(path: Path) -> float:
    """Seconds of CPU of all test-runs of this file."""
    kernel = open_kernel(wiring.capture_settings(Config(), hook="replay"))
    try:
        test_run, ring = TestRun(kernel.program), kernel.ring(0)
        shown = _shown(path)
        spent = 0.0
        for begin in range(0, len(shown), _BATCH):
            batch = shown[begin : begin + _BATCH]
            before = time.process_time()
            for piece, scope in batch:
                test_run.run(piece, scope)
            spent += time.process_time() - before
            list(ring.drain())
        ring.close()
        return spent
    finally:
        kernel.close()


def _shown(path: Path) -> list[tuple[bytes, int]]:
    packets = Packets()
    with CaptureFile(path) as capture:
        taken = [packet for frame in capture if (packet := packets.take(frame))]
    return [(piece, packet.scope) for packet in taken for piece in pieces(packet.data)]


if __name__ == "__main__":
    print(cost(Path(sys.argv[1])))  # noqa: T201 - the figure for who asked
