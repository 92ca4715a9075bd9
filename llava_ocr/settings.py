"""Settings from the environment (`LLAVA_OCR_...`, or a `.env` file), read once. A misspelt name is an error."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from llava_ocr.engines.base import Blanks
from llava_ocr.errors import ConfigError
from llava_ocr.logs import LogFormat
from llava_ocr.raster.base import OcrMode, PdfLibrary

PREFIX = "LLAVA_OCR_"
ENV_FILE = ".env"
# Where the deployments find the project, see `infra/prefect.yaml`; read by Prefect, and no setting of ours.
ROOT = PREFIX + "ROOT"


class Settings(BaseSettings):
    """Everything that differs between machines, with the defaults of a laptop."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=ENV_FILE, extra="ignore", frozen=True)

    db: str = Field("sqlite:///llava_ocr.db", description="Database URL: sqlite:///FILE or postgresql+psycopg://...")
    engine: str = Field("small", description="`small`, a model folder or hub name, `endpoint`, `rules` or `scripted`")
    schemas: Path | None = Field(None, description="A folder of schema files of your own")

    precision: str = Field("auto", description="auto, fp32, bf16, fp16, fp8 (Hopper, Ada), int8, nf4")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1")
    blanks: Blanks = Field(Blanks.KEEP, description="keep, squeeze or drop a page's blank paper (local engines)")
    batch_size: int = Field(8, ge=1, description="Requests that the engine decodes together")
    embedded: bool = Field(True, description="Take the values of an e-invoice that lies inside of a document")
    bundles: bool = Field(False, description="Read each file as a bundle: split it into documents, a record each")
    max_new_tokens: int = Field(2048, ge=1)
    pages_per_request: int = Field(0, ge=0, description="Most pages shown at once; 0: as the model's profile says")
    engine_timeout_s: float = Field(300.0, gt=0)

    endpoint_url: str = Field("", description="Base URL of an OpenAI-compatible server, ending in /v1")
    endpoint_model: str = Field("", description="The model's name on that server")
    endpoint_dialect: str = Field("vllm", description="vllm, vllm-guidance, ollama, lmstudio, openai")
    endpoint_key: SecretStr = Field(SecretStr(""), description="Its API key, if it wants one")
    endpoint_concurrency: int = Field(8, ge=1)

    s3_endpoint: str = Field("", description="S3-compatible endpoint; empty for AWS")
    s3_region: str = ""
    s3_profile: str = Field("", description="Profile of the AWS configuration files")
    s3_anonymous: bool = Field(False, description="Send no credentials")
    s3_ca_bundle: Path | None = Field(None, description="PEM file of the authority that signed the endpoint")

    cache_bytes: int = Field(256 * 2**20, ge=0, description="Room in the database for answers to use again; 0: none")

    log: LogFormat = Field(LogFormat.TEXT, description="text, or json: one object a line, for a log collector")

    pdf: PdfLibrary = PdfLibrary.PYMUPDF
    ocr: OcrMode = OcrMode.AUTO
    workers: int = Field(0, ge=0, description="Child processes that read pages; 0 for one per core")
    max_bytes: int = Field(200 * 2**20, gt=0)
    max_pages: int = Field(5_000, gt=0)
    max_pixels: int = Field(60_000_000, gt=0)
    max_tiles: int = Field(36, ge=0, le=36)
    max_visual_tokens: int = Field(16_000, gt=0)
    page_timeout_s: float = Field(
        60.0, gt=0, description="Seconds that drawing a page, and reading its words, may each take"
    )
    memory_bytes: int = Field(3 * 2**30, gt=0)
    password_file: Path | None = Field(None, description="Passwords to try on encrypted documents, one a line")


def load_settings(**changes: object) -> Settings:
    """Read the settings, with the given ones in their place. Raises ConfigError for a variable of ours that means
    nothing or holds what it may not, and for a `.env` that can't be read; other programs' variables are theirs."""
    for name in (*os.environ, *_names_in(Path(ENV_FILE))):
        field = name.upper().removeprefix(PREFIX)
        if name.upper() != ROOT and field != name.upper() and field.lower() not in Settings.model_fields:
            known = [PREFIX + other.upper() for other in Settings.model_fields]
            likely = difflib.get_close_matches(name.upper(), known, n=1)
            raise ConfigError(f"{name} is no setting" + (f"; do you mean {likely[0]}?" if likely else ""))
    try:
        settings = Settings()
    except ValidationError as error:
        # The values themselves may be secrets.
        faults = [(PREFIX + "_".join(map(str, fault["loc"])).upper(), fault["msg"]) for fault in error.errors()]
        raise ConfigError("; ".join(f"{name}: {message}" for name, message in faults)) from None
    return override(settings, **changes)


def _names_in(path: Path) -> list[str]:
    """The variables that a `.env` sets; none where there is no such file. Raises ConfigError for one that is none."""
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or 'is no UTF-8 text'}") from None
    for binding in bindings:
        if binding.error:
            raise ConfigError(f"{path}, line {binding.original.line}: is no NAME=VALUE")
    return [binding.key for binding in bindings if binding.key]


def override(settings: Settings, **changes: object) -> Settings:
    """These settings with the given ones in their place; None leaves a setting as it is. Checks the new values."""
    kept = {name: value for name, value in changes.items() if value is not None}
    unknown = kept.keys() - Settings.model_fields.keys()
    assert not unknown, unknown
    if not kept:
        return settings
    return Settings.model_validate(settings.model_dump(exclude_unset=True) | kept)
