"""Prometheus takes the configuration, each alert fires in a test of promtool, and no rule or panel names a metric that is not there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARD = ROOT / "deploy/grafana/dashboards/airdub.json"
SUFFIXES = ("_bucket", "_sum", "_count")


@pytest.fixture
def promtool():
    if not shutil.which("promtool"):
        pytest.skip("there is no promtool; 'make deps' installs it")

    def run(*words):
        done = subprocess.run(["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def test_rules(promtool):
    promtool("check", "rules", "alerts.yml")
    promtool("test", "rules", "alerts-test.yml")


def test_configuration(promtool, tmp_path):
    text = (PROMETHEUS / "prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus/", f"{PROMETHEUS}/"))
    promtool("check", "config", tmp_path / "prometheus.yml")


def test_each_alert_is_shown_to_fire_and_to_keep_silent():
    alerts = {rule["alert"] for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]}
    checks = [check for test in yaml.safe_load((PROMETHEUS / "alerts-test.yml").read_text())["tests"] for check in test["alert_rule_test"]]
    assert {check["alertname"] for check in checks if check["exp_alerts"]} == alerts
    assert {check["alertname"] for check in checks if not check["exp_alerts"]} == alerts


def families():
    """Every metric of both services, from their tables."""
    media = re.findall(r'= \{ NAME\("(\w+)"\)', (ROOT / "apps/media-service/metrics.c").read_text())
    sts = re.findall(r'= \{ "(sts_\w+)"', (ROOT / "src/sts/service.c").read_text())
    assert len(media) > 20 and len(sts) > 9
    return {f"media_service_worker_{name}" for name in media} | set(sts)


def named(text):
    return {re.sub(f"({'|'.join(SUFFIXES)})$", "", word) for word in re.findall(r"\b(?:media_service_worker|sts)_\w+", text)}


def test_rules_and_panels_name_metrics_that_exist():
    rules = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    dashboard = json.loads(DASHBOARD.read_text())
    expressions += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    expressions += [variable["query"]["query"] for variable in dashboard["templating"]["list"]]
    used = named("\n".join(expressions))
    assert len(used) > 15
    assert used - families() == set()


def test_the_dashboard_is_provisioned():
    """Where the provider looks is where compose puts it, and each panel asks the data source that is provisioned."""
    provider = yaml.safe_load((ROOT / "deploy/grafana/provisioning/dashboards/airdub.yml").read_text())["providers"][0]
    source = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    volumes = yaml.safe_load((ROOT / "deploy/compose.yml").read_text())["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in volumes
    dashboard = json.loads(DASHBOARD.read_text())
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
    assert len(set(places)) == len(places)
    assert len({p["id"] for p in dashboard["panels"]}) == len(places)
