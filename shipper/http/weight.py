"""What header blocks and messages weigh: an estimate of their memory from above, in bytes.

Most of it are CPython's own objects: a message is its block, the same text once more in pieces,
and an object for each piece. The numbers are those of CPython 3.11 on 64 bits, rounded up; a test
holds them against what tracemalloc counts.
"""

from typing import Final

from shipper.http.block import Head
from shipper.http.stream import Block

#: State of a connection that holds nothing; not part of any weight.
CONNECTION: Final = 2048

_BLOCK: Final = 512  # a block in progress, without its bytes
_HEAD: Final = 1024  # a message, and what assembly knows of it
_HEADER: Final = 256  # a tuple of two strings, without their characters
_COPIES: Final = 2  # of each byte: the block's and the text's, or a buffer with room to grow


def of_block(block: Block) -> int:
    """A header block in progress."""
    return _BLOCK + _COPIES * len(block.data)


def of_head(head: Head) -> int:
    """A message that is in no exchange yet."""
    message = head.message
    return _HEAD + _COPIES * message.header_bytes + _HEADER * len(message.headers)
