"""Which headers are kept, in which shape, and what is counted."""

from shipper.record import Action, HeaderSettings, NameSeen, RecordSettings

from .record_exchanges import CREATED, OFFSET, builder, exchange, request, response


def test_names_values_and_order() -> None:
    """Values by lower-case name with their multiplicity; all names as spelled, in order."""
    lines = (("Accept", "a"), ("X-Odd", "o"), ("ACCEPT", "b"), ("accept", "a"))
    record = builder().build(exchange(request("/", *lines)), OFFSET, CREATED)
    assert record.document["http"]["request"]["headers"] == {
        "host": ["Example.org"],
        "accept": ["a", "b", "a"],
        "@names": ["Host", "Accept", "X-Odd", "ACCEPT", "accept"],
    }


def test_lists_for_requests_and_responses_and_globs() -> None:
    """The two lists are apart, and an entry may be a glob."""
    settings = RecordSettings(headers=HeaderSettings(request=("X-*",), response=("server",)))
    lines = (("X-One", "1"), ("Server", "2"))
    whole = exchange(request("/", *lines), response(200, ("X-One", "1")))
    http = builder(settings).build(whole, OFFSET, CREATED).document["http"]
    assert http["request"]["headers"].keys() == {"x-one", "@names"}
    assert http["response"]["headers"].keys() == {"server", "@names"}


def test_fields_of_their_own_do_not_need_the_list() -> None:
    """`url.domain`, `user_agent` and `referrer` come of headers that are not kept as such."""
    settings = RecordSettings(headers=HeaderSettings(request=()))
    whole = exchange(request("/", ("User-Agent", "curl"), ("Referer", "/a")))
    document = builder(settings).build(whole, OFFSET, CREATED).document
    assert document["user_agent"] == {"original": "curl"}
    assert document["http"]["request"]["referrer"] == "/a"
    assert document["url"]["domain"] == "example.org"


def test_what_is_dropped_by_name_has_no_field_either() -> None:
    """An explicit action holds for the copies too."""
    settings = RecordSettings(headers=HeaderSettings(actions={"user-agent": Action.DROP}))
    document = (
        builder(settings).build(exchange(request("/", ("User-Agent", "x"))), OFFSET, CREATED)
    ).document
    assert "user_agent" not in document


def test_what_is_no_field_name_enters_no_record() -> None:
    """`@names` can't be forged by a peer."""
    whole = exchange(request("/", ("@names", "x"), ("a b", "y"), ("", "z")))
    headers = builder().build(whole, OFFSET, CREATED).document["http"]["request"]["headers"]
    assert headers == {"host": ["Example.org"], "@names": ["Host"]}


def test_names_are_counted_with_their_decision() -> None:
    """Seen names, most frequent first, whatever their spelling."""
    made = builder(RecordSettings(headers=HeaderSettings(actions={"x-hashed": Action.KEEP})))
    lines = (("Accept", "a"), ("ACCEPT", "b"), ("Cookie", "c"), ("X-Odd", "d"), ("X-Hashed", "e"))
    for _ in range(2):
        made.build(exchange(request("/", *lines)), OFFSET, CREATED)
    assert made.names_seen()["request"] == [
        NameSeen("accept", 4, "kept"),
        NameSeen("cookie", 2, "masked"),
        NameSeen("host", 2, "kept"),
        NameSeen("x-hashed", 2, "kept"),
        NameSeen("x-odd", 2, "dropped"),
    ]
    assert made.names_seen()["response"] == [NameSeen("server", 2, "kept")]


def test_the_number_of_names_is_bounded() -> None:
    """Beyond the limit names are treated as ever, and counted together."""
    made = builder(RecordSettings(headers=HeaderSettings(request=("*",), names_limit=3)))
    lines = [(f"X-{n}", "v") for n in range(10)]
    record = made.build(exchange(request("/", *lines)), OFFSET, CREATED)
    assert len(record.document["http"]["request"]["headers"]) == 12
    assert len(made.names_seen()["request"]) == 3
    assert made.names_overflow() == 8
