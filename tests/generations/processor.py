"""The processors that are emulated, and all that differs between them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Processor:
    """`name` is Debian's word for it, `machine` the kernel's and that of wheels' tags (PEP 600)."""

    name: str
    machine: str
    emulator: tuple[str, ...]
    #: Words of the kernel's command line.
    boot: str


AMD64 = Processor(
    "amd64",
    "x86_64",
    # `microvm` would start sooner and hangs with newer kernels. No cx16: qemu 7.2 at times leaves
    # garbage in the flags behind a cmpxchg16b, and 6.12 then dies of it while it boots.
    ("qemu-system-x86_64", "-M", "pc", "-cpu", "max,-cx16"),
    # A host that is short of time fails the kernel's test of its timer.
    "console=ttyS0 no_timer_check",
)
ARM64 = Processor(
    "arm64",
    "aarch64",
    ("qemu-system-aarch64", "-M", "virt", "-cpu", "neoverse-n1"),
    "console=ttyAMA0",
)
#: What the work is compared with: `find_archive` makes sure that this machine is one.
HERE = AMD64
