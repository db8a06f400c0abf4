"""The saved searches: fields that the add-on shows, macros that it has, a layout that Splunk reads.

There is no Splunk here: nothing shows that a search finds what its rule is to find. What is shown
is that each field, as it is spelled in a search, is there in a record that the rule has to find.
"""

import re

import pytest
from consumers.contracts import ROOT, Json
from consumers.spl import read
from consumers.test_splunk import DEFAULT as ADDON_DEFAULT
from consumers.test_splunk import found

import shipper

from .cases import cases
from .ruleset import correlations, fields, lists, rules
from .splunk import splunk_field

APP = ROOT / "config" / "splunk" / "SA-shipper-detections"
DEFAULT = APP / "default"
_QUOTED_FIELD = r'"([^"]+)"(?= IN |=|>|<)'
_FIELD = rf"{_QUOTED_FIELD}|(?<![\w\"])([\w.]+)(?= IN |=|>|<)"
#: What a search makes for itself.
_MADE = re.compile(r"\w+(Condition|Match)\d*|event_count|value_count|span|field")


def searches() -> dict[str, Json]:
    """Name of a rule -> its stanza."""
    stanzas = read(DEFAULT / "savedsearches.conf")
    titles = {name: rule.title for name, rule in rules().items()}
    titles |= {name: counting.title for name, (_, counting) in correlations().items()}
    assert {f"Shipper - {title}" for title in titles.values()} == set(stanzas)
    return {name: dict(stanzas[f"Shipper - {title}"]) for name, title in titles.items()}


def named(search: str) -> set[str]:
    """The fields that a search names: left of a comparison, and after rex, regex, dc and BY."""
    without_texts = re.sub(r'(=|\(|, )"(?:[^"\\]|\\.)*"', r'\1""', search)
    names = {a or b for a, b in re.findall(_FIELD, without_texts)}
    names |= set(re.findall(r"(?:field=|\| regex |dc\()([\w.]+)", without_texts))
    names |= {one for by in re.findall(r"by _time ([\w. ]+?) \|", search) for one in by.split()}
    return {name for name in names if not _MADE.fullmatch(name)}


@pytest.mark.parametrize("name", sorted(rules()))
def test_fields_are_there(name: str) -> None:
    """Every field of a search is one that the add-on shows of some record that has to be found."""
    asked = named(searches()[name]["search"])
    shown = {"_raw"}
    for case in cases():
        if name in case.rules:
            shown |= set(found(case.record))
    # What a rule wants absent, and the side of an "or" that no case takes, are there elsewhere.
    known = {splunk_field(path) for path in fields().values()}
    assert asked
    assert asked <= known
    assert asked & shown or name == "web_post_without_user_agent"


def test_every_field_is_shown() -> None:
    """What any search names is shown of some record, as it is spelled."""
    asked = set().union(*(named(one["search"]) for one in searches().values()))
    shown = {"_raw"}.union(*(found(case.record) for case in cases()))
    assert asked <= shown
    assert len(asked) > 8


def test_lists_have_braces() -> None:
    """A list's name ends in {} and nothing else's does."""
    assert splunk_field("shipper.anomalies") == "shipper.anomalies{}"
    assert splunk_field("http.request.headers.x-forwarded-for").endswith("{}")
    assert splunk_field("url.original") == "url.original"
    assert "http.request.headers.*" in lists()


def test_settings() -> None:
    """Off until somebody wants it; one alert for a record or a group; macros are the add-on's."""
    macros = read(ADDON_DEFAULT / "macros.conf")
    for name, search in searches().items():
        assert search["search"].startswith("`shipper_exchanges` "), name
        assert set(re.findall(r"`(\w+)`", search["search"])) <= set(macros), name
        assert search["search"].count("`") in {2, 4}, name
        assert search["enableSched"] == "0", name
        group = fields()["cs-host" if name == "burst_server_errors" else "c-ip"]
        about = group if name in correlations() else "event.id"
        assert search["alert.suppress.fields"] == about, name
        assert ("`shipper_once`" in search["search"]) is (name in correlations()), name


def test_thresholds_are_the_rules() -> None:
    """Span and count in a search are those of the correlation."""
    for name, (_, counting) in correlations().items():
        search = searches()[name]["search"]
        assert f"bin _time span={counting.timespan.spec} " in search
        assert search.endswith(f"_count >= {counting.condition.count}")  # type: ignore[union-attr]


def test_layout() -> None:
    """What AppInspect looks at first, as of the add-on."""
    assert {path.name for path in APP.iterdir()} == {"default", "metadata", "README.md", "LICENSE"}
    app = read(DEFAULT / "app.conf")
    assert app["package"]["id"] == app["id"]["name"] == APP.name
    assert app["launcher"]["version"] == app["id"]["version"] == shipper.__version__
