"""Every command and setting that `infra/` and its documents name is one of the product's."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from flows import setup
from llava_ocr.cli.app import app
from llava_ocr.settings import PREFIX, Settings
from tests.infra.stack import INFRA, ROOT, commands

OURS = [one for one in commands() if one[1][0] == "llava-ocr"]
PREFECTS = sorted({command for _, command in commands() if command[0] == "prefect"})
DOCUMENTS = [INFRA / "README.md", ROOT / "docs" / "operations.md", ROOT / "docs" / "scale.md"]
# Only for the line that registers deployments; as a setting of the product it would be refused.
NO_SETTINGS = {"LLAVA_OCR_ROOT"}


@pytest.mark.parametrize(("where", "command"), OURS, ids=[where for where, _ in OURS])
def test_a_command_of_the_product_exists_with_its_options(where: str, command: tuple[str, ...]) -> None:
    assert faults(command[1:]) == []


def test_there_is_a_command_for_every_part() -> None:
    told = {command[1] for _, command in OURS}
    assert told >= {"worker", "serve", "db", "runs"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_commands_in_a_document_exist(path: Path) -> None:
    # A word before it that begins with a dash would make it the value of an option, such as a namespace.
    blocks = re.findall(r"^ {4}(?:.*(?<!--namespace) )?llava-ocr (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    blocks += re.findall(r"`llava-ocr ([^`|]+)`", path.read_text(encoding="utf-8"))
    assert blocks
    for line in blocks:
        words = shlex.split(line.split("  #")[0])
        assert faults(words, may_lack_arguments=True) == [], line


@pytest.mark.slow
@pytest.mark.parametrize("command", PREFECTS, ids=" ".join)
def test_a_command_of_prefect_exists_with_its_options(command: tuple[str, ...]) -> None:
    names = [word for word in command[1:] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
    depth = next((at for at, word in enumerate(names) if word in ("start", "create", "deploy")), 0) + 1
    told = subprocess.run(
        [str(Path(sys.executable).with_name("prefect")), *names[:depth], "--help"],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    for option in (word for word in command if word.startswith("--") and word not in ("--no-prompt",)):
        assert option in told.stdout


def test_the_pools_are_made_by_a_module_that_is_there() -> None:
    files = [INFRA / "compose.yaml", INFRA / "k8s" / "prefect.yaml", INFRA / "README.md"]
    told = [re.findall(r"python -m (\S+) (--.*)", path.read_text(encoding="utf-8")) for path in files]
    assert all(len(found) == 1 for found in told)
    options = [option for one in typer.main.get_command(setup.app).params for option in one.opts]
    for [(module, words)] in told:
        assert module == setup.__name__
        assert set(re.findall(r"--[a-z]+", words)) <= set(options)


def test_every_setting_is_one_of_the_product() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | NO_SETTINGS
    files = [path for path in INFRA.rglob("*") if path.is_file() and path.name != "prefect.yaml"]
    told = {name for path in files for name in re.findall(r"LLAVA_OCR_[A-Z0-9_]+", path.read_text(encoding="utf-8"))}
    assert {name.rstrip("_") for name in told} - {"LLAVA_OCR"} <= known


def faults(words: tuple[str, ...] | list[str], *, may_lack_arguments: bool = False) -> list[str]:
    """What is wrong with a command line of the product: unknown commands and options, missing arguments."""
    # Typer brings a click of its own along, so the kinds are told by what they have.
    found: Any = typer.main.get_command(app)
    left = list(words)
    while hasattr(found, "commands") and left:
        name = left.pop(0)
        if name not in found.commands:
            return [f"no command {name}"]
        found = found.commands[name]
    if hasattr(found, "commands"):
        return ["no command given"]
    options = {option: one for one in found.params for option in (*one.opts, *one.secondary_opts)}
    wrong = [word for word in left if word.startswith("--") and word.split("=")[0] not in options]
    num_needed = sum(one.param_type_name == "argument" and one.required for one in found.params)
    num_values = sum(word in options and not options[word].is_flag for word in left)
    num_given = sum(not word.startswith("-") for word in left) - num_values
    return wrong if may_lack_arguments or num_given >= num_needed else [*wrong, "an argument is missing"]
