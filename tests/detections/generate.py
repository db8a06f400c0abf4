"""The rules of config/detections in; what OpenSearch, Elastic and Splunk take out, as checked in.

pySigma is needed for it, and it is a tool of ours, not of the agent: so it stands among the tests,
like the generator of the index templates. `make detections` writes the files, and a test says when
that is due.
"""

import json
import sys
from collections.abc import Iterator

from consumers.contracts import ROOT

from . import elastic, opensearch, splunk
from .ruleset import correlations, rules

#: Where the files of each kind lie; nothing else lies there.
MONITORS = "config/detections/opensearch"
ELASTIC = "config/detections/elastic/rules.ndjson"
SPLUNK = "config/splunk/SA-shipper-detections/default/savedsearches.conf"


def files() -> dict[str, str]:
    """Path below the checkout -> what stands there."""
    return {**dict(_monitors()), ELASTIC: "".join(_elastic()), SPLUNK: "\n".join(_searches())}


def _monitors() -> Iterator[tuple[str, str]]:
    for name, rule in rules().items():
        yield f"{MONITORS}/{name}.json", _text(opensearch.monitor(rule))
    for name, (counted, counting) in correlations().items():
        yield f"{MONITORS}/{name}.json", _text(opensearch.counting_monitor(counted, counting))


def _elastic() -> Iterator[str]:
    for rule in rules().values():
        yield json.dumps(elastic.detection(rule)) + "\n"
    for counted, counting in correlations().values():
        yield json.dumps(elastic.threshold(counted, counting)) + "\n"


def _searches() -> Iterator[str]:
    for rule in rules().values():
        yield splunk.saved_search(rule)
    for counted, counting in correlations().values():
        yield splunk.saved_search(counted, counting)


def _text(body: object) -> str:
    return json.dumps(body, indent=2) + "\n"


def main() -> None:
    """Writes all of it, and removes monitors of rules that are gone."""
    made = files()
    for path in (ROOT / MONITORS).glob("*.json"):
        if str(path.relative_to(ROOT)) not in made:
            path.unlink()
    for name, text in made.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    sys.stdout.write(f"{len(made)} files of {len(rules())} rules and their correlations\n")


if __name__ == "__main__":
    main()
