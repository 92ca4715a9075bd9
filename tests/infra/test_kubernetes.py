"""`infra/k8s/` holds together: manifests are the API's, names and ports agree, no pod may do more than it must."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from llava_ocr.db.ledger import Ledger
from llava_ocr.db.session import Database, open_database
from llava_ocr.ledger.leases import Ending
from tests.db.made import ORDER, info
from tests.infra.stack import INFRA, Resource, containers, manifests, of_kind, workloads

API_VERSION = "1.33"
# Kinds that come with an operator or are no resource; the API's schemas do not know them.
CUSTOM = {
    "Kustomization": "kustomize.config.k8s.io/v1beta1",
    "ScaledObject": "keda.sh/v1alpha1",
    "TriggerAuthentication": "keda.sh/v1alpha1",
    "PodMonitor": "monitoring.coreos.com/v1",
}
BUILT_IN = [(name, one) for name, one in manifests() if one["kind"] not in CUSTOM]
EVERY_POD = pytest.mark.parametrize(("workload", "pod"), workloads(), ids=lambda one: one.get("kind", ""))


@pytest.mark.parametrize(
    ("name", "resource"), BUILT_IN, ids=lambda one: one if isinstance(one, str) else one["metadata"]["name"]
)
def test_a_manifest_is_what_the_api_takes(name: str, resource: Resource) -> None:
    validator = pytest.importorskip("kubernetes_validate")
    validator.validate(resource, API_VERSION, strict=True)


def test_other_kinds_are_of_known_operators() -> None:
    for _, resource in manifests():
        if resource["kind"] in CUSTOM:
            assert resource["apiVersion"] == CUSTOM[resource["kind"]]


def test_everything_lies_in_one_namespace_and_is_applied() -> None:
    [kustomization] = of_kind("Kustomization")
    applied = set(kustomization["resources"])
    assert all((INFRA / "k8s" / name).exists() for name in applied)
    assert {name for name, _ in manifests()} - applied == {"kustomization.yaml", "secrets.example.yaml"}
    spaces = {
        one["metadata"]["namespace"] for _, one in manifests() if one["kind"] not in ("Namespace", "Kustomization")
    }
    assert spaces == {"llava-ocr"} and kustomization["namespace"] == "llava-ocr"


@EVERY_POD
def test_a_selector_finds_its_own_pods(workload: Resource, pod: Resource) -> None:
    wanted = workload["spec"].get("selector", {}).get("matchLabels", {})
    assert wanted.items() <= pod["metadata"]["labels"].items()


@EVERY_POD
def test_a_pod_may_do_no_more_than_it_must(workload: Resource, pod: Resource) -> None:
    spec = pod["spec"]
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] >= 10_000
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert spec["automountServiceAccountToken"] is False
    for container in containers(pod):
        context = container["securityContext"]
        assert not context["allowPrivilegeEscalation"] and context["readOnlyRootFilesystem"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]


@EVERY_POD
def test_what_a_pod_mounts_or_reads_is_there(workload: Resource, pod: Resource) -> None:
    volumes = {volume["name"] for volume in pod["spec"].get("volumes", [])}
    claims = {claim["metadata"]["name"] for claim in of_kind("PersistentVolumeClaim")}
    for volume in pod["spec"].get("volumes", []):
        assert volume.get("persistentVolumeClaim", {}).get("claimName") in claims | {None}
    for container in containers(pod):
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes
        for kind, name, key in references(container):
            held = [one for one in of_kind(kind) if one["metadata"]["name"] == name]
            assert held and (key is None or key in {**held[0].get("data", {}), **held[0].get("stringData", {})}), key


@EVERY_POD
def test_probes_ask_at_a_port_that_is_open(workload: Resource, pod: Resource) -> None:
    for container in containers(pod):
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        for probe in (container[name] for name in container if name.endswith("Probe")):
            assert probe["httpGet"]["port"] in ports
        # The port that the command is told is the one that is declared.
        arguments = [str(one) for one in container.get("args", [])]
        if "--port" in arguments:
            assert int(arguments[arguments.index("--port") + 1]) in ports.values()
        if workload["kind"] == "Deployment":
            assert {"startupProbe", "livenessProbe"} <= container.keys()


def test_services_and_the_ingress_lead_somewhere() -> None:
    for service in of_kind("Service"):
        [pod] = [
            pod for _, pod in workloads() if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        ]
        named = {port["name"] for container in containers(pod) for port in container.get("ports", [])}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= named
    services = {one["metadata"]["name"]: {port["name"] for port in one["spec"]["ports"]} for one in of_kind("Service")}
    for ingress in of_kind("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                assert backend["port"]["name"] in services[backend["name"]]


def test_the_web_pages_know_the_name_of_the_ingress() -> None:
    [web] = [pod for workload, pod in workloads() if workload["metadata"]["name"] == "web"]
    arguments = containers(web)[0]["args"]
    names = {arguments[at + 1] for at, word in enumerate(arguments) if word == "--name"}
    hosts = {rule["host"] for ingress in of_kind("Ingress") for rule in ingress["spec"]["rules"]}
    assert hosts <= names and "--https" in arguments
    probes = [containers(web)[0][name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert {header["value"] for probe in probes for header in probe["httpHeaders"]} <= names


def test_a_gpu_worker_has_one_gpu_and_time_to_drain() -> None:
    [worker] = [pod for workload, pod in workloads() if workload["metadata"]["name"] == "worker-gpu"]
    resources = containers(worker)[0]["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == resources["requests"]["nvidia.com/gpu"] == 1
    assert worker["spec"]["terminationGracePeriodSeconds"] > 300
    # Draining turns /healthz to 503, which must not kill the worker.
    assert containers(worker)[0]["livenessProbe"]["httpGet"]["path"] != "/healthz"


def test_the_autoscaler_scales_deployments_that_state_no_number() -> None:
    deployments = {one["metadata"]["name"]: one for one in of_kind("Deployment")}
    keys = {one["metadata"]["name"]: one["spec"]["secretTargetRef"] for one in of_kind("TriggerAuthentication")}
    [secret] = of_kind("Secret")
    scaled = of_kind("ScaledObject")
    assert {one["spec"]["scaleTargetRef"]["name"] for one in scaled} == {"worker", "worker-gpu"}
    for one in scaled:
        assert "replicas" not in deployments[one["spec"]["scaleTargetRef"]["name"]]["spec"]
        assert one["spec"]["minReplicaCount"] <= one["spec"]["maxReplicaCount"]
        for trigger in one["spec"]["triggers"]:
            assert trigger["type"] == "postgresql"
            assert {key["key"] for key in keys[trigger["authenticationRef"]["name"]]} <= secret["stringData"].keys()


def test_the_autoscaler_counts_shards_of_the_engine_its_workers_run() -> None:
    for one in of_kind("ScaledObject"):
        name = one["spec"]["scaleTargetRef"]["name"]
        [pod] = [pod for workload, pod in workloads() if workload["metadata"]["name"] == name]
        told = {variable["name"]: variable.get("value") for variable in containers(pod)[0]["env"]}
        engine = told.get("LLAVA_OCR_ENGINE", "small")
        assert f"runs.engine = '{engine}'" in one["spec"]["triggers"][0]["metadata"]["query"]


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    with open_database(postgres_url) as opened:
        opened.upgrade()
        yield opened


@pytest.mark.slow
def test_the_autoscaler_s_query_counts_what_is_open_or_held(database: Database) -> None:
    ledger = Ledger(database)
    for engine in ("small", "another"):
        run_id = database.start_run(replace(ORDER, engine=engine))
        for shard in range(4):
            ledger.cut(run_id, [info(f"{engine}-{shard}.pdf")], is_forced=False)
        ledger.close_plan(run_id)
        lease = ledger.claim_next(run_id, "one")
        assert lease is not None
        ledger.hand_back(lease, Ending.PUT_OFF, reason="StoreUnavailable")
        assert ledger.claim_next(run_id, "two") is not None
    [query] = [
        trigger["metadata"]["query"]
        for one in of_kind("ScaledObject")
        for trigger in one["spec"]["triggers"]
        if one["metadata"]["name"] == "worker"
    ]
    with database.reading() as connection:
        # One of four waits for its time, one is held, two are open.
        assert connection.exec_driver_sql(query).scalar_one() == 3


def test_every_pod_may_reach_what_it_needs_and_no_more() -> None:
    policies = of_kind("NetworkPolicy")
    [closed] = [one for one in policies if one["metadata"]["name"] == "deny-all"]
    assert closed["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for workload, pod in workloads():
        name, labels = workload["metadata"]["name"], pod["metadata"]["labels"]
        ports = {
            port["port"]
            for one in policies
            if covers(one, labels)
            for rule in one["spec"].get("egress", [])
            for port in rule["ports"]
        }
        secrets = {key for container in containers(pod) for kind, _, key in references(container) if kind == "Secret"}
        assert (5432 in ports) == bool(secrets & {"LLAVA_OCR_DB", "PREFECT_API_DATABASE_CONNECTION_URL"}), name
        assert (8333 in ports) == ("AWS_SECRET_ACCESS_KEY" in secrets), name


def test_policies_speak_of_pods_that_are_there() -> None:
    names = {pod["metadata"]["labels"]["app.kubernetes.io/name"] for _, pod in workloads()}
    for policy in of_kind("NetworkPolicy"):
        for words in re.findall(r"app.kubernetes.io/name'?: '?([a-z-]+)", str(policy["spec"])):
            assert words in names
        for one in expressions(policy["spec"]):
            assert set(one["values"]) <= names


def test_no_secret_is_among_what_is_applied() -> None:
    [kustomization] = of_kind("Kustomization")
    assert "secrets.example.yaml" not in kustomization["resources"]
    [secret] = of_kind("Secret")
    assert all("CHANGE-ME" in value for value in secret["stringData"].values())


def test_images_are_those_that_are_built_here() -> None:
    [kustomization] = of_kind("Kustomization")
    renamed = {image["name"]: f"{image['newName']}:{image['newTag']}" for image in kustomization["images"]}
    used = {container["image"] for _, pod in workloads() for container in containers(pod)}
    assert used == renamed.keys()
    assert all("latest" not in image for image in renamed.values())


@pytest.mark.parametrize("path", sorted((INFRA / "k8s").glob("*.yaml")), ids=lambda path: path.name)
def test_no_key_is_stated_twice(path: Path) -> None:
    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), keys
        return dict(yaml.SafeLoader.construct_mapping(loader, node, deep=True))

    Strict.add_constructor("tag:yaml.org,2002:map", mapping)
    assert list(yaml.load_all(path.read_text(), Loader=Strict))


def references(container: Resource) -> Iterator[tuple[str, str, str | None]]:
    """Secrets and config maps that a container reads: kind, name, key."""
    for source in container.get("envFrom", []):
        yield "ConfigMap", source["configMapRef"]["name"], None
    for variable in container.get("env", []):
        for kind, name in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
            if name in variable.get("valueFrom", {}):
                yield kind, variable["valueFrom"][name]["name"], variable["valueFrom"][name]["key"]


def covers(policy: Resource, labels: dict[str, str]) -> bool:
    """Whether a policy is about pods of these labels."""
    selector = policy["spec"]["podSelector"]
    is_named = selector.get("matchLabels", {}).items() <= labels.items()
    return is_named and all(labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))


def expressions(part: Any) -> Iterator[Resource]:
    """Every `matchExpressions` below."""
    if isinstance(part, dict):
        yield from part.get("matchExpressions", [])
        for one in part.values():
            yield from expressions(one)
    elif isinstance(part, list):
        for one in part:
            yield from expressions(one)
