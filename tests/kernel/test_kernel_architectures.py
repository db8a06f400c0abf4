"""The program compiles for both architectures, over the headers of each."""

import subprocess
from pathlib import Path

import pytest

from shipper.capture import loader, program_source

#: Where Debian's linux-libc-dev packages put the headers of a machine.
ASM = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm"),
    "aarch64": Path("/usr/aarch64-linux-gnu/include/asm"),
}
BUILDS = {"cgroup": "-DFLOW_BY_COOKIE", "interface": "-DINTERFACE", "replay": "-DREPLAY"}

#: Run by the interpreter that has bcc: the loader's own tree and text, another machine's headers.
COMPILE = """
import os, sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1]).parent))
import loader
tree, machine, asm = Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
loader.stub_tree(tree, machine)
(tree / "include/uapi/asm").unlink()
(tree / "include/uapi/asm").symlink_to(asm)
os.environ["BCC_KERNEL_SOURCE"] = str(tree)
os.environ["ARCH"] = {"aarch64": "arm64", "x86_64": "x86"}[machine]
from bcc import BPF
flags = ["-DCPUS=4", "-DFLOWS=1024", "-DHOLDS=8", "-DHAVE_EXCHANGE", "-DHAVE_MAY_GOTO"]
flags += ["-Wall", "-Werror", "-Wno-unused-function"]
table = BPF(text=loader.fold(Path(sys.argv[5])), cflags=[*flags, sys.argv[6]])
print(len(table.dump_func("packet_trace")) // 8)
"""


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("machine", ASM)
def test_it_compiles_for(machine: str, build: str, tmp_path: Path) -> None:
    """BPF code is the same everywhere; the headers that it is compiled over are not."""
    assert ASM[machine].exists(), f"install the C headers of {machine} (linux-libc-dev-*-cross)"
    arguments = [loader.__file__, str(tmp_path), machine, str(ASM[machine])]
    done = subprocess.run(
        ["/usr/bin/python3", "-c", COMPILE, *arguments, str(program_source()), BUILDS[build]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 1000
