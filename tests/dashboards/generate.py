"""config/dashboards/*.yml in; the files of OpenSearch Dashboards, Kibana and Grafana out.

`make dashboards` writes them, and a test says when that is due.
"""

import json

from .description import DASHBOARDS, dashboards
from .grafana import ELASTICSEARCH, OPENSEARCH, agent_dashboard, store_dashboard
from .saved_objects import saved_objects


def files() -> dict[str, str]:
    """Path below config/dashboards -> what stands there."""
    made = {"grafana/agents.json": _text(agent_dashboard())}
    for dashboard in dashboards():
        lines = "".join(json.dumps(one) + "\n" for one in saved_objects(dashboard))
        made[f"saved_objects/{dashboard.name}.ndjson"] = lines
        for source in (OPENSEARCH, ELASTICSEARCH):
            name = f"grafana/{dashboard.name}-{source.name}.json"
            made[name] = _text(store_dashboard(dashboard, source))
    return made


def _text(body: object) -> str:
    return json.dumps(body, indent=2) + "\n"


def main() -> None:
    """Writes all of it."""
    for name, text in files().items():
        path = DASHBOARDS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
