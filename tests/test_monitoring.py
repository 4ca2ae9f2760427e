"""Rules and dashboard speak of metrics that there are."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.observability.metrics import Metrics

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


def series() -> dict[str, set[str]]:
    """The labels of each series."""
    found = {"up": {"job", "instance"}}
    for instrument in vars(Metrics("")).values():
        for metric in getattr(instrument, "describe", list)():
            labels = {*instrument._labelnames, "job", "instance"}
            endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
            for ending in endings.get(metric.type, [""]):
                extra = {"le"} if ending == "_bucket" else set()
                found[metric.name + ending] = labels | extra
    return found


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())["groups"]
    return list(group["rules"])


def expressions() -> Iterator[str]:
    dashboard = json.loads((DEPLOY / "grafana/items-api.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m")
    for rule in rules():
        yield rule["expr"]


@pytest.mark.parametrize("expression", list(expressions()))
def test_alerts_and_dashboards_use_metrics_that_exist(expression: str) -> None:
    known = series()
    asked = re.findall(r"([a-z_]+)\{([^}]*)\}", expression)
    assert asked
    for name, selection in asked:
        assert name in known
        assert set(re.findall(r"(\w+)(?==|!=)", selection)) <= known[name]
    for group in re.findall(r"by \(([^)]*)\)", expression):
        assert set(group.split(", ")) <= set.union(*(known[name] for name, _ in asked))


def test_every_alert_is_documented() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text()
    assert re.findall(r"^\| `(ItemsApi\w+)` \|", text, re.MULTILINE) == [
        rule["alert"] for rule in rules()
    ]
    tested = (DEPLOY / "prometheus/alerts-test.yaml").read_text()
    assert f"value: {len(rules())}" in tested
