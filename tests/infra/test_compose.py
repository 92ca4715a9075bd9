"""`infra/compose.yaml` holds together: what a service names is there, and no service may do more than it must."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from llava_ocr.settings import Settings
from tests.infra.stack import INFRA, Resource, compose, services

# The words of the compose specification for a service, as far as they make sense here; any other is a slip.
WORDS = {
    *("image", "build", "command", "entrypoint", "environment", "env_file", "volumes", "tmpfs", "ports", "configs"),
    *("depends_on", "healthcheck", "restart", "profiles", "deploy", "logging", "read_only", "cap_drop", "security_opt"),
    *("stop_grace_period", "shm_size", "user", "networks", "secrets", "init", "mem_limit", "cpus"),
}
PRODUCT = {name: one for name, one in services().items() if one["image"].startswith("llava-ocr")}
EVERY = pytest.mark.parametrize("name", services())


@EVERY
def test_a_service_says_only_what_compose_knows(name: str) -> None:
    assert services()[name].keys() <= WORDS


@EVERY
def test_images_have_versions(name: str) -> None:
    _, _, tag = services()[name]["image"].partition(":")
    assert tag and tag != "latest"


@EVERY
def test_what_a_service_waits_for_can_come_about(name: str) -> None:
    for other, wanted in services()[name].get("depends_on", {}).items():
        awaited = services()[other]
        assert not set(awaited.get("profiles", [])) - set(services()[name].get("profiles", []))
        if wanted["condition"] == "service_healthy":
            assert has_healthcheck(awaited)
        else:
            assert wanted["condition"] == "service_completed_successfully"
            assert awaited["restart"].startswith("on-failure")


@EVERY
def test_a_service_that_stays_says_whether_it_is_well(name: str) -> None:
    service = services()[name]
    is_job = service["restart"].startswith("on-failure")
    inherits = service["image"].startswith("llava-ocr") and "healthcheck" not in service
    assert is_job or name == "upkeep" or inherits or has_healthcheck(service)


@EVERY
def test_only_this_host_reaches_a_port(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in services()[name].get("ports", []))


@EVERY
def test_volumes_are_there(name: str) -> None:
    for volume in services()[name].get("volumes", []):
        source = volume.split(":")[0]
        assert (INFRA / source).exists() if source.startswith(".") else source in compose()["volumes"]


def test_no_volume_is_forgotten() -> None:
    used = {volume.split(":")[0] for one in services().values() for volume in one.get("volumes", [])}
    assert compose()["volumes"].keys() <= used


@pytest.mark.parametrize("name", PRODUCT)
def test_the_product_may_do_no_more_than_it_must(name: str) -> None:
    service = PRODUCT[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service and "privileged" not in service


@pytest.mark.parametrize("name", PRODUCT)
def test_an_image_is_built_from_a_file_that_is_there(name: str) -> None:
    build = PRODUCT[name]["build"]
    context = (INFRA / build["context"]).resolve()
    assert context == INFRA.parent and (context / build["dockerfile"]).exists()
    assert build["dockerfile"].rpartition(".")[2] == PRODUCT[name]["image"].rpartition(":")[2]


@pytest.mark.parametrize("name", ["worker", "worker-gpu", "flows"])
def test_a_worker_has_time_to_finish_what_it_began(name: str) -> None:
    minutes = int(services()[name]["stop_grace_period"].removesuffix("m"))
    assert 60 * minutes > Settings.model_fields["engine_timeout_s"].default


def test_the_gpu_worker_comes_only_when_asked_for_and_with_its_gpu() -> None:
    worker = services()["worker-gpu"]
    [device] = worker["deploy"]["resources"]["reservations"]["devices"]
    assert worker["profiles"] == ["gpu"] and device["capabilities"] == ["gpu"] and len(device["device_ids"]) == 1


def test_every_variable_is_in_the_example_and_every_secret_must_be_given() -> None:
    text = (INFRA / "compose.yaml").read_text()
    told = set(re.findall(r"^([A-Z0-9_]+)=", (INFRA / ".env.example").read_text(), flags=re.MULTILINE))
    used = set(re.findall(r"\$\{([A-Z0-9_]+)", text))
    assert used == told
    must = set(re.findall(r"\$\{([A-Z0-9_]+):\?", text))
    assert {"POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"} <= must


def test_the_parts_agree_on_names_and_ports() -> None:
    worker = services()["worker"]["environment"]
    assert (
        "@postgres/llava_ocr" in worker["LLAVA_OCR_DB"]
        and services()["postgres"]["environment"]["POSTGRES_DB"] == "llava_ocr"
    )
    assert (
        worker["LLAVA_OCR_S3_ENDPOINT"] == "http://seaweedfs:8333"
        and "-s3.port=8333" in services()["seaweedfs"]["command"]
    )
    assert worker["PREFECT_API_URL"] == "http://prefect:4200/api" and "4200" in services()["prefect"]["command"]
    assert "prefect" in compose()["configs"]["prefect_database"]["content"]


def test_compose_itself_takes_the_file(tmp_path: Path) -> None:
    program = composer()
    if program is None:
        pytest.skip("neither `docker compose` nor `docker-compose` is installed")
    filled = re.sub(r"=$", "=x", (INFRA / ".env.example").read_text(), flags=re.MULTILINE)
    (tmp_path / "env").write_text(filled)
    everything = ["--profile", "gpu", "--profile", "monitoring", "config", "--quiet"]
    subprocess.run(
        [*program, "--env-file", str(tmp_path / "env"), "--file", str(INFRA / "compose.yaml"), *everything],
        check=True,
        timeout=60,
    )


def has_healthcheck(service: Resource) -> bool:
    check = service.get("healthcheck", {})
    return "test" in check and not check.get("disable", False)


def composer() -> list[str] | None:
    """How to call compose, None where it is not installed."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if not shutil.which("docker"):
        return None
    told = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=30)
    return ["docker", "compose"] if told.returncode == 0 else None
