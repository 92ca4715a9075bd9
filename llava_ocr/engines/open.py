"""Choose the engine that the settings name. Libraries behind an engine are imported only when it is chosen."""

from __future__ import annotations

from llava_ocr.engines.base import Blanks, Engine
from llava_ocr.errors import ConfigError
from llava_ocr.settings import Settings

# Engines that see no page on this machine.
WITHOUT_PIXELS = ("rules", "scripted", "endpoint")


def open_engine(settings: Settings) -> Engine:
    """Open `small`, a folder or hub name, `endpoint`, `rules` or `scripted`. Raises ConfigError and EngineError."""
    if settings.engine in WITHOUT_PIXELS and settings.blanks is not Blanks.KEEP:
        raise ConfigError(
            f"LLAVA_OCR_BLANKS={settings.blanks}: only engines on this machine can, not a {settings.engine}"
        )
    if settings.engine == "rules":
        from llava_ocr.engines.rules import open_rules

        return open_rules()
    if settings.engine == "scripted":
        from llava_ocr.engines.scripted import ScriptedEngine

        return ScriptedEngine()
    if settings.engine == "endpoint":
        from llava_ocr.engines.endpoint import open_endpoint

        return open_endpoint(settings)
    from llava_ocr.engines.local import open_local

    return open_local(settings)
