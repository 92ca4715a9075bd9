"""Choose the engine that the settings name. Libraries behind an engine are imported only when it is chosen."""

from __future__ import annotations

from llava_ocr.engines.base import Engine
from llava_ocr.settings import Settings


def open_engine(settings: Settings) -> Engine:
    """Open `small`, a model folder or hub name, `endpoint`, or `scripted`. Raises ConfigError and EngineError."""
    if settings.engine == "scripted":
        from llava_ocr.engines.scripted import ScriptedEngine

        return ScriptedEngine()
    if settings.engine == "endpoint":
        from llava_ocr.engines.endpoint import open_endpoint

        return open_endpoint(settings)
    from llava_ocr.constrain.decoder import GrammarCompiler
    from llava_ocr.engines.local import LocalEngine
    from llava_ocr.models.load import load

    model = load(settings.engine, precision=settings.precision, device=settings.device)
    compiler = GrammarCompiler.for_tokenizer(model.tokenizer)
    return LocalEngine(model, compile_grammar=compiler.compile, max_batch=settings.batch_size)
