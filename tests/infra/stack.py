"""The files of `infra/`, read; and the commands in them."""

from __future__ import annotations

import configparser
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
Resource = dict[str, Any]


class Unit(configparser.ConfigParser):
    """A systemd unit, whose keys are written as they are."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


@cache
def compose() -> Resource:
    """The compose file."""
    found: Resource = yaml.safe_load((INFRA / "compose.yaml").read_text(encoding="utf-8"))
    return found


def services() -> dict[str, Resource]:
    """Its services."""
    found: dict[str, Resource] = compose()["services"]
    return found


@cache
def manifests() -> list[tuple[str, Resource]]:
    """Every resource of `k8s/`, with its file's name."""
    found = []
    for path in sorted((INFRA / "k8s").glob("*.yaml")):
        for resource in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            found.append((path.name, resource))
    return found


def of_kind(*kinds: str) -> list[Resource]:
    """Resources of these kinds."""
    return [resource for _, resource in manifests() if resource["kind"] in kinds]


def pod_of(resource: Resource) -> Resource | None:
    """The pod template of a workload, None for other resources."""
    spec = resource.get("spec", {})
    if resource["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec.get("template") if resource["kind"] in ("Deployment", "StatefulSet", "Job", "CronJob") else None


def workloads() -> list[tuple[Resource, Resource]]:
    """Workloads with their pod templates."""
    return [(resource, pod) for _, resource in manifests() if (pod := pod_of(resource)) is not None]


def containers(pod: Resource) -> list[Resource]:
    """A pod's containers."""
    spec = pod["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


@cache
def units() -> dict[str, configparser.ConfigParser]:
    """The systemd units, by file name."""
    found = {}
    for path in sorted((INFRA / "systemd").glob("llava-ocr*")):
        unit = Unit(strict=False, interpolation=None, delimiters=("=",))
        unit.read(path)
        found[path.name] = unit
    return found


def dockerfiles() -> list[Path]:
    """The Dockerfiles."""
    return sorted((INFRA / "docker").glob("Dockerfile.*"))


def instructions(path: Path) -> list[tuple[str, str]]:
    """A Dockerfile's instructions, continued lines joined, comments left out."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(line.split(None, 1)[0].upper(), line.split(None, 1)[1]) for line in lines]


def commands() -> list[tuple[str, tuple[str, ...]]]:
    """Every command line of the product or of Prefect in `infra/`, with where it stands."""
    return [(where, tuple(command)) for where, command in _commands() if command[0] in ("llava-ocr", "prefect")]


def _commands() -> Iterator[tuple[str, list[str]]]:
    for name, service in services().items():
        if service["image"].startswith("llava-ocr"):
            entry = service.get("entrypoint", ["llava-ocr"])
            yield from _lines(f"compose.yaml: {name}", entry, service.get("command", []))
    for resource, pod in workloads():
        for container in containers(pod):
            entry = container.get("command", ["llava-ocr"])
            yield from _lines(f"k8s: {resource['metadata']['name']}", entry, container.get("args", []))
    for name, unit in units().items():
        if unit.has_option("Service", "ExecStart"):
            program, *rest = shlex.split(unit["Service"]["ExecStart"])
            yield f"systemd: {name}", [Path(program).name, *rest]
    for path in dockerfiles():
        [(_, given)] = [found for found in instructions(path) if found[0] == "CMD"]
        yield path.name, ["llava-ocr", *yaml.safe_load(given)]


def _lines(where: str, entry: list[str], arguments: list[str]) -> Iterator[tuple[str, list[str]]]:
    if entry[0] != "bash":
        yield where, [*entry, *arguments]
        return
    for line in re.split(r"[\n;]", arguments[0]):
        words = [word for word in shlex.split(line) if word not in ("do", "done", "while")]
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words.pop(0)
        if words:
            yield where, words
