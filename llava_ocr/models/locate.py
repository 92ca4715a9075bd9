"""From a model's name to the folder that holds it: shipped with the package, on this disk, or on a hub."""

from __future__ import annotations

from pathlib import Path

from llava_ocr.errors import ModelNotFound
from llava_ocr.models.adapter import is_adapter, merged_folder

SMALL = "small"
SHIPPED_FOLDER = Path(__file__).parent / SMALL

# What an engine reads; pickled weights are never fetched.
_HUB_FILES = ("*.json", "*.jinja", "*.model", "*.txt", "*.safetensors")


def locate(name: str, *, may_download: bool) -> Path:
    """Return the folder of the model called `name`: `small`, a folder, or a hub name.

    A folder of adapters is merged with its base at first use. Raises ModelNotFound, and ConfigError as `merged_folder`.
    """
    folder = _shipped() if name == SMALL else Path(name).expanduser()
    if folder.is_dir():
        return merged_folder(folder) if is_adapter(folder) else folder
    if not _is_hub_name(name):
        raise ModelNotFound(f"{name}: no such folder, and no hub name (owner/name)")
    return _from_hub(name, may_download=may_download)


def _shipped() -> Path:
    if not (SHIPPED_FOLDER / "config.json").exists():
        raise ModelNotFound(f"the small model is not in this installation: {SHIPPED_FOLDER} has no config.json")
    return SHIPPED_FOLDER


def _is_hub_name(name: str) -> bool:
    owner, _, model = name.partition("/")
    return bool(owner and model) and "/" not in model and not name.startswith((".", "~", "/"))


def _from_hub(name: str, *, may_download: bool) -> Path:
    # Not at the top: it costs 0.3 s, and most runs use a folder.
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    try:
        return Path(snapshot_download(name, local_files_only=True, allow_patterns=list(_HUB_FILES)))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        if not may_download or isinstance(error, HFValidationError):
            raise ModelNotFound(f"{name} is not in the local hub cache; fetch it with `hf download {name}`") from error
    try:
        return Path(snapshot_download(name, allow_patterns=list(_HUB_FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, httpx.HTTPError, OSError) as error:
        raise ModelNotFound(f"{name} is not in the local hub cache and can't be downloaded: {_why(error)}") from error


def _why(error: Exception) -> str:
    return type(error).__name__
