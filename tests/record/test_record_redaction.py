"""No secret leaves, wherever it stands and however it is spelled."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.contract.exchange import Exchange, Proxied
from shipper.errors import ConfigError
from shipper.record import (
    Action,
    ClientIp,
    HeaderSettings,
    PrivacySettings,
    RecordBuilder,
    RecordRejected,
    RecordSettings,
)

from .record_exchanges import CREATED, IDENTITY, OFFSET, V4, builder, exchange, request, response

MARKER = "s3cr3tM4rk3r"
KEY = b"0123456789abcdef0123456789abcdef"
ALL = HeaderSettings(request=("*",), response=("*",))

SECRET_URLS = [
    f"/?token={MARKER}",
    f"/?a=1&TOKEN={MARKER}&b=2",
    f"/?tok%65n={MARKER}",
    f"/?%2574oken={MARKER}",
    f"/?access_token={MARKER}",
    f"/?accessToken={MARKER}",
    f"/?X-Amz-Signature={MARKER}",
    f"/?api+key={MARKER}",
    f"/?%20key%20={MARKER}",
    f"/?user[password]={MARKER}",
    f"/?a=1;sig={MARKER};b=2",
    f"/?sig=x;{MARKER}",
    f"/?sig=&sig={MARKER}&sig=x{MARKER}",
    f"/?sig==={MARKER}",
    f"/?code={MARKER}#x{MARKER}",
    f"/?=&&code={MARKER}",
    f"/#access_token={MARKER}&x=1",
    f"/#/route?id_token={MARKER}",
    f"/p;jsessionid={MARKER}",
    f"/p;jsessionid={MARKER};x=1/q?r=1",
    f"/p/token={MARKER}/q",
    f"/p%3Btoken%3D{MARKER}",
    f"/?next=/in?session={MARKER}",
    f"/?next=%2Fin%3Fsession%3D{MARKER}",
    f"/?next=http%3A%2F%2Fu%3A{MARKER}%40h%2F",
    f"/?next=http%253A%252F%252Fu%253A{MARKER}%2540h%252F",
    "/?n=" + quote(quote(quote(quote(f"/?key={MARKER}")))),
    f"/?a%26jwt%3D{MARKER}",
    f"/?a?secret={MARKER}",
    f"/proxy/http://u:{MARKER}@h/x",
    f"//u:{MARKER}@h/x",
    f"/?\uff54oken={MARKER}".encode().decode("latin-1"),
    f"http://u:{MARKER}@h/x",
    f"http://{MARKER}@h/x",
    f"http://u:p{MARKER}@{MARKER}@h/x",
    f"http://u:p&;{MARKER}@h/x",
    f"http://u:p/{MARKER}@h/x",
    f"http://u:p?{MARKER}@h/x",
    f"HTTP:\\\\u:{MARKER}@h/x",
    f"http:u:{MARKER}@h/x",
    f'/?data={{"a":1,"password":"{MARKER}"}}',
    f'/?data={{"tokens":["{MARKER}","{MARKER}"]}}',
    f'/?data={{"pin": {MARKER}, "secret" : "\\"{MARKER}"}}',
    "/?data=" + quote(f'{{"a":{{"Password":"{MARKER}"}}}}'),
    f"/?next=1u:{MARKER}@h",
    f"https://h:8080/?pwd={MARKER}",
    f"/a b?passwd={MARKER} {MARKER}",
]

URL_HEADERS = ["Referer", "Location", "Content-Location", "Origin", "X-Original-URL"]
SECRET_HEADERS = [
    "Authorization",
    "AUTHORIZATION",
    "Proxy-Authorization",
    "Cookie",
    "Set-Cookie",
    "X-Api-Key",
    "X-ApiKey",
    "apikey",
    "X-Auth-Token",
    "X-Amz-Security-Token",
    "X-CSRF-Token",
    "X_Session_Id",
    "X-AccessToken",
    "X-My-Secret",
    "X-Authenticated-User",
    "Sec-WebSocket-Key",
    "X-Basicauth",
    "X-Password",
]


def encoded(made: RecordBuilder, whole: Exchange) -> bytes:
    """All that leaves: key, value, headers and partition key."""
    out = made.encode(made.build(whole, OFFSET, CREATED), 1)
    return b"\n".join([out.key, out.value, out.partition_key, *(v for _, v in out.headers)])


@pytest.mark.parametrize("url", SECRET_URLS)
def test_a_secret_in_a_target_does_not_leave(url: str) -> None:
    """The request target is free of secrets in all four fields made of it."""
    assert MARKER.encode() not in encoded(builder(), exchange(request(url)))


@pytest.mark.parametrize("name", URL_HEADERS)
@pytest.mark.parametrize("url", SECRET_URLS)
def test_a_secret_in_a_url_header_does_not_leave(url: str, name: str) -> None:
    """A URL in a header is treated like the target, in requests and responses."""
    whole = exchange(request("/", (name, url)), response(302, (name, url)))
    assert MARKER.encode() not in encoded(builder(RecordSettings(headers=ALL)), whole)


@pytest.mark.parametrize("url", [url for url in SECRET_URLS if "?" in url or "//" in url])
def test_a_url_in_any_other_header_is_found(url: str) -> None:
    """A header that is not known to hold URLs is treated alike where it seems to."""
    header = ("X-Unknown", f"see {url.replace(' ', '')} there")
    whole = exchange(request("/", header), response(302, header))
    assert MARKER.encode() not in encoded(builder(RecordSettings(headers=ALL)), whole)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Forwarded", f'for=192.0.2.1;host="u:{MARKER}@h";proto=http'),
        ("Forwarded", f"for=192.0.2.1;secret={MARKER}"),
        ("Link", f"</a?token={MARKER}>; rel=next, <http://u:{MARKER}@h/>; rel=prev"),
        ("Refresh", f'5; url="http://h/?token={MARKER}"'),
        ("Refresh", f"5;url=/?token={MARKER}"),
        ("X-Forwarded-Host", f"u:{MARKER}@h"),
        ("Host", f"u:{MARKER}@h:80"),
        ("User-Agent", f"bot (+http://u:{MARKER}@h/?key={MARKER})"),
        ("Report-To", f'{{"endpoints":[{{"url":"https://h/?key={MARKER}"}}]}}'),
    ],
)
def test_a_url_among_other_things_is_found(name: str, value: str) -> None:
    """Headers that hold URLs or authorities among other things are looked through."""
    whole = exchange(request("/", (name, value), host=None), response(200, (name, value)))
    assert MARKER.encode() not in encoded(builder(RecordSettings(headers=ALL)), whole)


@pytest.mark.parametrize("name", SECRET_HEADERS)
@pytest.mark.parametrize("spelled", [str.lower, str.upper, str])
def test_a_secret_header_is_masked_even_with_all(name: str, spelled: type[str]) -> None:
    """Secret names are masked in whatever case, with every header kept."""
    header = (spelled(name), MARKER)
    whole = exchange(request("/", header, header), response(200, header))
    out = encoded(builder(RecordSettings(headers=ALL)), whole)
    assert MARKER.encode() not in out
    assert b'["***","***"]' in out


@pytest.mark.parametrize(
    "name", ["Keep-Alive", "Accept", "X-Keyword", "Author", "WWW-Authenticate"]
)
def test_names_that_only_sound_alike_are_kept(name: str) -> None:
    """`keep-alive` holds no key."""
    out = encoded(builder(RecordSettings(headers=ALL)), exchange(request("/", (name, "value17"))))
    assert b'["value17"]' in out


@pytest.mark.parametrize(
    "target", ["/a/b?q=shoes&page=2", "/?keyword=x", "/?a=b=c", "/a%20b?q=%C3%A9", "/a;v=1/b?x"]
)
def test_what_is_no_secret_stays_as_it_is(target: str) -> None:
    """An ordinary target is not changed by a single character."""
    record = builder().build(exchange(request(target)), OFFSET, CREATED)
    assert record.document["url"]["original"] == target


def test_connect_loses_its_user_info() -> None:
    """Authority-form may carry user info, though it must not."""
    whole = exchange(request(f"u:{MARKER}@h:443", method="CONNECT"))
    record = builder().build(whole, OFFSET, CREATED)
    assert record.document["url"] == {"original": "***@h:443"}
    assert MARKER.encode() not in encoded(builder(), whole)


@pytest.mark.parametrize(
    "target", [f"/reset/{MARKER}/x", f"/r%65set/{MARKER}", f"http://h/reset/{MARKER}?a=b"]
)
def test_path_patterns_mask_their_groups(target: str) -> None:
    """A configured pattern hides a secret that has no name, encoded paths included."""
    settings = RecordSettings(privacy=PrivacySettings(path_patterns=("/reset/([^/?]+)",)))
    whole = exchange(request(target, ("Referer", f"http://h{target[target.index('/r') :]}")))
    assert MARKER.encode() not in encoded(builder(settings), whole)


def fate(actions: Mapping[str, Action], parameters: Mapping[str, Action]) -> bytes:
    """What leaves of an X-Api-Key and a token under these actions."""
    settings = RecordSettings(
        headers=HeaderSettings(actions=actions),
        privacy=PrivacySettings(parameters=parameters, key=KEY, key_id="k7"),
    )
    whole = exchange(request(f"/?a=1&token={MARKER}&b=2", ("X-Api-Key", MARKER)))
    return encoded(builder(settings), whole)


def test_actions_by_name() -> None:
    """Drop, hash and keep by name or glob; equal values have equal hashes, with the key's id."""
    dropped = fate({"x-api-*": Action.DROP}, {"token": Action.DROP})
    assert MARKER.encode() not in dropped
    assert b'"x-api-key"' not in dropped
    assert b'"/?a=1&b=2"' in dropped
    hashed = fate({" X-API-KEY ": Action.HASH}, {"tok?n": Action.HASH})
    assert MARKER.encode() not in hashed
    assert b"/?a=1&token=hmac:k7:" in hashed
    assert b'"x-api-key":["hmac:k7:' in hashed
    kept = fate({"x-api-key": Action.KEEP}, {"token": Action.KEEP})
    assert kept.count(MARKER.encode()) == 4  # the header, and url.original, full and query


def test_hashing_without_a_key_is_refused() -> None:
    """A hash without a key could be reversed by trying."""
    with pytest.raises(ConfigError, match="key"):
        builder(RecordSettings(headers=HeaderSettings(secret_action=Action.HASH)))
    with pytest.raises(ConfigError, match="key"):
        builder(RecordSettings(privacy=PrivacySettings(client_ip=ClientIp.HASH)))


@pytest.mark.parametrize("mode", [ClientIp.TRUNCATE, ClientIp.HASH])
@pytest.mark.parametrize("address", ["203.0.113.77", "2001:db8:77:66:55:44:33:22"])
def test_the_clients_address_is_hidden_everywhere(mode: ClientIp, address: str) -> None:
    """The client behind proxies and the connection's own are gone from every field."""
    headers = (
        ("X-Forwarded-For", f"{address}, 192.0.2.7"),
        ("Forwarded", f'for="[{address}]:4711", for={address};by=10.0.0.1'),
        ("X-Real-IP", address.upper()),
        ("X-Custom", f"from {address} and 192.0.2.7"),
    )
    settings = RecordSettings(
        headers=ALL, privacy=PrivacySettings(client_ip=mode, key=KEY, key_id="k1")
    )
    made = builder(settings)
    whole = exchange(request(f"/?ip={address}&c=192.0.2.7", *headers), response(200, *headers))
    out = encoded(made, whole)
    assert address.encode() not in out.lower()
    assert b"192.0.2.7" not in out
    assert b"community_id" not in out
    document = made.build(whole, OFFSET, CREATED).document
    assert document["related"]["ip"][0] == document["source"]["ip"]
    assert document["network"]["type"] == "ipv4"
    assert document["shipper"]["privacy"]["client_ip"] == mode
    assert document["http"]["request"]["headers"]["x-forwarded-for"][0].endswith(
        document["source"]["ip"]
    )


@pytest.mark.parametrize("mode", [ClientIp.TRUNCATE, ClientIp.HASH])
@pytest.mark.parametrize("trusted", [(), ("192.0.2.0/24",)])
def test_the_client_behind_a_proxy_is_hidden_everywhere(
    mode: ClientIp, trusted: tuple[str, ...]
) -> None:
    """The address of a PROXY protocol header is a client's address, believed or not."""
    address = "203.0.113.77"
    proxied = Proxied(1, bytes([203, 0, 113, 77]), 50000, bytes([203, 0, 113, 1]), 80)
    settings = RecordSettings(
        headers=ALL,
        privacy=PrivacySettings(client_ip=mode, key=KEY, key_id="k1"),
        trusted_proxies=trusted,
    )
    made = builder(settings)
    whole = exchange(
        request(f"/?ip={address}", ("X-Custom", f"from {address}")),
        response(200, ("X-Custom", f"for {address}")),
        replace(V4, proxied=proxied),
    )
    assert address.encode() not in encoded(made, whole)
    document = made.build(whole, OFFSET, CREATED).document
    assert ("client" in document) is bool(trusted)
    if trusted:
        assert document["related"]["ip"][0] == document["client"]["ip"]


def test_forms_of_a_hidden_address() -> None:
    """Truncated to /24 and /48; hashed to an address in fd00::/8."""
    v6 = replace(V4, client_address=bytes.fromhex("20010db8007700660055004400330022"))
    truncate = builder(RecordSettings(privacy=PrivacySettings(client_ip=ClientIp.TRUNCATE)))
    sources = [
        truncate.build(exchange(connection=c), OFFSET, CREATED).document["source"]["ip"]
        for c in (V4, v6)
    ]
    assert sources == ["192.0.2.0", "2001:db8:77::"]
    hashed = builder(
        RecordSettings(privacy=PrivacySettings(client_ip=ClientIp.HASH, key=KEY, key_id="k1"))
    )
    source = hashed.build(exchange(), OFFSET, CREATED).document["source"]["ip"]
    assert source.startswith("fd")
    assert source == hashed.build(exchange(), OFFSET, CREATED).document["source"]["ip"]


@pytest.mark.parametrize(
    "settings",
    [
        RecordSettings(privacy=PrivacySettings(path_patterns=("(",))),
        RecordSettings(internal_networks=("10.0.0.1/8",)),
        RecordSettings(trusted_proxies=("10.0.0.1/8",)),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: RecordSettings) -> None:
    """One line at the start, not an error at the first record."""
    with pytest.raises(ConfigError, match="is no"):
        builder(settings)


def test_a_rejection_names_no_value() -> None:
    """The reason and every error behind it tell fields and kinds of error only."""
    bad = exchange(
        replace(request(f"/{MARKER}", ("X-Marker", MARKER)), method=""),
        replace(response(200, ("Etag", MARKER)), status=7),
        replace(V4, hook=MARKER),
    )
    made = builder(RecordSettings(headers=ALL))
    with pytest.raises(RecordRejected) as caught:
        made.build(bad, OFFSET, CREATED)
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    assert MARKER not in repr(error) + str(error) + error.reason
    assert "http.response.status_code: greater_than_equal" in error.reason


@given(
    before=st.text(st.characters(max_codepoint=255), max_size=12),
    after=st.text(st.characters(max_codepoint=255), max_size=12),
    name=st.sampled_from(["token", "X-Api-Key", "session_id", "PassWord", "sig"]),
)
def test_no_surroundings_free_a_secret(before: str, after: str, name: str) -> None:
    """Whatever bytes stand around `&name=secret`, the secret stays."""
    target = f"/{before}?{before}&{name}={MARKER}{after}"
    whole = exchange(request(target, ("Referer", target)), response(302, ("Location", target)))
    assert MARKER.encode() not in encoded(builder(), whole)


@given(text=st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_text_makes_a_record(text: str) -> None:
    """Whatever a peer sends as target, header or host becomes a valid record."""
    whole = exchange(
        request(text, ("Referer", text), ("X-Forwarded-For", text), host=text),
        response(200, ("Location", text)),
    )
    made = builder(RecordSettings(headers=ALL), IDENTITY)
    assert made.encode(made.build(whole, OFFSET, CREATED), 1).value.startswith(b"{")
