"""Dashboard and alerts ask only for what workers tell, and every alert has an answer in the handbook."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.infra.stack import INFRA, ROOT, of_kind, services

MONITORING = INFRA / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana" / "llava-ocr.json").read_text())
ALERTS = [
    rule for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
# Prometheus' own.
GIVEN = {"up"}
QUERIES = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]
QUERIES += [(rule["alert"], rule["expr"]) for rule in ALERTS]
EVERY = pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])


@EVERY
def test_a_query_can_be_read(title: str, query: str) -> None:
    parser = pytest.importorskip("promql_parser")
    assert parser.parse(query)


@EVERY
def test_a_query_asks_for_what_workers_tell(title: str, query: str) -> None:
    told = samples()
    for name, chosen in asked(query):
        if name not in GIVEN:
            assert name in told, name
            assert all(any(labels.get(label) == value for labels in told[name]) for label, value in chosen), chosen


def test_every_alert_has_an_answer() -> None:
    handbook = (ROOT / "docs" / "operations.md").read_text()
    assert all(f"### {rule['alert']}\n" in handbook for rule in ALERTS)
    assert set(re.findall(r"^### (\w+)\n", handbook, re.MULTILINE)) >= {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_grave_it_is_and_what_is_wrong(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning", "info") and rule["annotations"]["summary"]
    variables = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
    # A query that adds everything up has no labels left to name.
    assert not variables or not re.search(r"\b(sum|max|avg)\b", rule["expr"])


def test_panels_have_their_own_numbers_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [cell for panel in panels for cell in cells_of(panel["gridPos"])]
    assert len(set(cells)) == len(cells) and all(0 <= x < 24 for x, _ in cells)


def test_the_parts_agree_on_names() -> None:
    [source] = yaml.safe_load((MONITORING / "grafana" / "datasources.yaml").read_text())["datasources"]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    config = yaml.safe_load((MONITORING / "prometheus.yaml").read_text())
    [job] = config["scrape_configs"]
    assert all(f'job="{job["job_name"]}"' in query for _, query in QUERIES if re.search(r"\bup\{", query))
    [found] = job["dns_sd_configs"]
    assert set(found["names"]) <= services().keys()
    assert all(str(found["port"]) in services()[name]["command"] for name in found["names"])
    assert all((MONITORING / name).exists() for name in config["rule_files"])


def test_the_pod_monitor_gives_the_job_the_same_name() -> None:
    [monitor] = of_kind("PodMonitor")
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    assert {"targetLabel": "job", "replacement": "llava-ocr-worker"} in endpoint["relabelings"]


def asked(query: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Metrics in a query with the labels and values that it chooses by."""
    for name, chosen in re.findall(r"\b(up|llava_ocr_\w+)(?:\{([^}]*)\})?", query):
        yield name, re.findall(r'(\w+)="([^"]*)"', chosen)


def samples() -> dict[str, list[dict[str, str]]]:
    """What a worker tells before it has done anything: names, with the labels that there may be."""
    metrics = pytest.importorskip("llava_ocr.metrics", reason="llava_ocr/metrics.py, which names them, is not there")
    text = generate_latest(metrics.Metrics().registry).decode()
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name].append(dict(sample.labels))
    return found


def cells_of(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y
