"""The bytes of the benchmarks' messages: usual ones, of exactly the sizes that are spoken of."""


def _request(size: int) -> bytes:
    """A GET whose header block has `size` bytes, in lines as browsers send them."""
    block = (
        b"GET /static/app/main.css HTTP/1.1\r\nHost: www.example.org\r\n"
        b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n"
        b"Accept: text/html,application/xhtml+xml\r\nAccept-Language: en-US,en;q=0.5\r\n"
        b"Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n"
    )
    line = b"X-Forwarded-Context: 7f3c2a90-1111-4222-8333-abcdefabcdef; hop=3\r\n"
    while size - len(block) > 2 * len(line):
        block += line
    filled = size - len(block) - len(b"Cookie: \r\n\r\n")
    return block + b"Cookie: " + b"c" * filled + b"\r\n\r\n"


REQUEST = _request(350)
REQUEST_3K = _request(3000)
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 23 Nov 2026 00:06:31 GMT\r\n"
    b"Content-Type: text/html; charset=utf-8\r\nContent-Length: 1024\r\n"
    b'Connection: keep-alive\r\nETag: "5f3c2a90-4d2"\r\nCache-Control: max-age=60\r\n\r\n'
) + bytes(1024)
UPLOAD = b"POST /upload HTTP/1.1\r\nHost: www.example.org\r\nContent-Length: 1000000000\r\n\r\n"
BODY_BYTES = 1400
BODY = b"b" * BODY_BYTES
#: no HTTP: the first bytes of a PostgreSQL client, a few times over
FOREIGN = b"\x00\x00\x00\x08\x04\xd2\x16\x2f" * 40
