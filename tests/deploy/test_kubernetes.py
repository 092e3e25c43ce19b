"""What kustomize makes of deploy/kubernetes is valid Kubernetes, and says what it must."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/kubernetes"


@pytest.fixture(scope="module")
def objects():
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl, which has kustomize inside; 'make deps' installs it")
    done = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def find(objects, kind, name):
    return next(o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name)


def workloads(objects):
    return [o for o in objects if o["kind"] in ("Deployment", "StatefulSet")]


def test_schema(objects):
    """Strict: a misspelt member is an error."""
    if not importlib.util.find_spec("kubernetes_validate"):
        pytest.skip("kubernetes-validate is not installed; 'make deps' installs it")
    import kubernetes_validate
    assert len(objects) >= 12
    for thing in objects:
        kubernetes_validate.validate(thing, "1.30", strict=True)


@pytest.mark.parametrize("kind, name", [("StatefulSet", "media-service"), ("Deployment", "sts-service")])
def test_services_are_probed_drained_and_bounded(objects, kind, name):
    pod = find(objects, kind, name)["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert pod["terminationGracePeriodSeconds"] >= 15
    assert container["resources"]["requests"].keys() == {"cpu", "memory"} and "memory" in container["resources"]["limits"]
    budget = find(objects, "PodDisruptionBudget", name)
    assert budget["spec"]["selector"]["matchLabels"].items() <= find(objects, kind, name)["spec"]["template"]["metadata"]["labels"].items()


def test_nothing_runs_as_root_or_writes_its_image(objects):
    for workload in workloads(objects):
        pod = workload["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                    "capabilities": {"drop": ["ALL"]}}


def test_services_select_pods_and_name_their_ports(objects):
    pods = [(w["spec"]["template"]["metadata"]["labels"], {p["name"] for c in w["spec"]["template"]["spec"]["containers"] for p in c["ports"]})
            for w in workloads(objects)]
    for service in (o for o in objects if o["kind"] == "Service"):
        selected = [ports for labels, ports in pods if service["spec"]["selector"].items() <= labels.items()]
        assert len(selected) == 1
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= selected[0]


def test_scales_by_streams(objects):
    scaler = find(objects, "HorizontalPodAutoscaler", "sts-service")["spec"]
    assert scaler["scaleTargetRef"]["name"] == "sts-service"
    assert [metric["pods"]["metric"]["name"] for metric in scaler["metrics"]] == ["sts_active_streams"]


def test_mediamtx_gets_the_configuration_of_compose(objects):
    config = next(o for o in objects if o["kind"] == "ConfigMap" and o["metadata"]["name"].startswith("mediamtx-"))
    assert config["data"]["mediamtx.yml"] == (ROOT / "deploy/mediamtx/mediamtx.yml").read_text()
