"""What the programs that note a socket's process are told: where the kernel's structs lie.

The names are those that bpf/owner.c is compiled with. Where the running kernel does not describe
itself, or not all that is needed, they are told nothing, and note only what helpers give.
"""

from pathlib import Path
from typing import Final

from shipper.capture.btf import VMLINUX, Btf

_MEMBERS: Final = {
    "TASK_LEADER": "task_struct.group_leader",
    "TASK_PARENT": "task_struct.real_parent",
    "TASK_START": "task_struct.start_boottime",
    "TASK_TGID": "task_struct.tgid",
    "TASK_NAME": "task_struct.comm",
    "TASK_PID": "task_struct.thread_pid",
    "PID_LEVEL": "pid.level",
    "PID_NUMBERS": "pid.numbers",
    "UPID_NR": "upid.nr",
    "SOCK_OWNED": "sock.sk_lock.owned",
    "SOCK_COOKIE": "sock.__sk_common.skc_cookie",
    "SOCK_FAMILY": "sock.__sk_common.skc_family",
    "SOCK_REMOTE": "sock.__sk_common.skc_daddr",
    "SOCK_LOCAL": "sock.__sk_common.skc_rcv_saddr",
    "SOCK_REMOTE6": "sock.__sk_common.skc_v6_daddr",
    "SOCK_LOCAL6": "sock.__sk_common.skc_v6_rcv_saddr",
    "SOCK_REMOTE_PORT": "sock.__sk_common.skc_dport",
    "SOCK_LOCAL_PORT": "inet_sock.inet_sport",
    "SOCK_NET": "sock.__sk_common.skc_net.net",
    "NET_NUMBER": "net.ns.inum",
}
_NAMESPACE: Final = Path("/proc/self/ns/net")


def definitions(description: Path = VMLINUX) -> dict[str, int]:
    """Every name with its number; empty where the kernel does not tell."""
    try:
        kernel = Btf(description.read_bytes())
        found = {name: kernel.offset(path) for name, path in _MEMBERS.items()}
        found["UPID_BYTES"] = kernel.size("upid")
        found["THIS_NET"] = _NAMESPACE.stat().st_ino
    except (OSError, ValueError, KeyError):
        return {}
    return found
