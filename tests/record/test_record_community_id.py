"""Community ID version 1 against the published vectors."""

from ipaddress import ip_address

import pytest

from shipper.record.community_id import community_id

# https://github.com/corelight/community-id-spec/tree/master/baseline (seed 0, TCP)
VECTORS = [
    ("128.232.110.120", 34855, "66.35.250.204", 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
]


@pytest.mark.parametrize(("source", "port", "target", "target_port", "expected"), VECTORS)
def test_published_vectors(
    source: str, port: int, target: str, target_port: int, expected: str
) -> None:
    """The id is the published one, from either end."""
    here, there = ip_address(source).packed, ip_address(target).packed
    assert community_id(here, port, there, target_port) == expected
    assert community_id(there, target_port, here, port) == expected
