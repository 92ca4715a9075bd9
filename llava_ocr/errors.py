"""Every error the product raises, on one screen. Retry asks `error.retryable`; the command line asks `error.exit_code`.

Messages say what, where and what to do next. They never hold a secret or text from a document.
"""

from __future__ import annotations


class ExtractionError(Exception):
    """Any failure of ours. `str(error)` is one line for a person; `hint` says what to do."""

    retryable = False
    exit_code = 1
    hint = ""

    @property
    def reason(self) -> str:
        """The class name, which is what rows and reports store as the failure class."""
        return type(self).__name__


class Unforeseen(ExtractionError):
    """A mistake of the program, told by class and place; its own words may quote a document."""

    hint = "Please report it with the place it names; `llava-ocr runs show RUN` says what was read all the same."


# Config: the order itself is wrong; nothing was read.
class ConfigError(ExtractionError):
    """Settings, arguments or a schema file are wrong; nothing was read."""

    exit_code = 2
    hint = "Run the command with --help, or `llava-ocr doctor`."


class UnknownSchema(ConfigError):
    """No document type has this name."""

    hint = "`llava-ocr schema list` names those that exist; `--schemas DIR` adds a folder of your own."


class BadSchema(ConfigError):
    """A schema file breaks a rule of `llava_ocr.schema`."""

    hint = "`llava-ocr schema check FILE` lists every fault in it."


class MissingExtra(ConfigError):
    """An optional package or model is not installed."""

    hint = "`llava-ocr doctor` says what is missing and how to add it."


class FileFault(ConfigError):
    """A file or folder that was named can't be read or written."""

    hint = "Check that the path is right and that you may use it."


class CantListen(ConfigError):
    """No server can be started at that address."""

    hint = "Another program may have the port: give another --port, or 0 for any that is free."


class BadTrainingData(ConfigError):
    """A file that is to be learned from is not of its format."""

    hint = "docs/training.md shows both formats; correct the line, or take it out."


# Input: the document is at fault.
class InputError(ExtractionError):
    """The document is at fault; trying again cannot help."""

    exit_code = 3


class EmptyDocument(InputError):
    """The object has no bytes."""

    hint = "Upload the object again."


class UnknownFormat(InputError):
    """The bytes are no PDF and no image of a kind that is read here."""

    hint = "Convert it to PDF, PNG, JPEG, TIFF or WebP."


class CorruptDocument(InputError):
    """The document can't be opened."""

    hint = "Open it in a viewer; export or scan it again."


class NeedsPassword(InputError):
    """The document is encrypted and no password fits."""

    hint = "Give its passwords, one a line, with --password-file."


class NoPages(InputError):
    """The document opens and has no pages."""

    hint = "Open it in a viewer; export it again."


class TooManyPages(InputError):
    """The document has more pages than `limits.max_pages`."""

    hint = "Raise LLAVA_OCR_MAX_PAGES, or split the document."


class TooManyEmbedded(InputError):
    """More PDFs lie inside of the document, or deeper, than are read."""

    hint = "Take the embedded PDFs out and upload them by themselves."


class CorruptPage(InputError):
    """One page can't be loaded or drawn; the others may be fine."""

    hint = "Open the page in a viewer; export or scan it again."


class PageTooLarge(InputError):
    """Drawing the page would take more pixels than `limits.max_pixels`."""

    hint = "Raise LLAVA_OCR_MAX_PIXELS, or scale the page down."


class DocumentTooLarge(InputError):
    """The object has more bytes than `limits.max_bytes`."""

    hint = "Raise LLAVA_OCR_MAX_BYTES, or split the document."


class RasterTimeout(InputError):
    """Reading the page took longer than `limits.page_timeout_s`; the child process was ended."""

    hint = "Raise LLAVA_OCR_PAGE_TIMEOUT_S, or print the page to a new PDF."


class RasterOutOfMemory(InputError):
    """Reading the page took more memory than `limits.memory_bytes`."""

    hint = "Raise LLAVA_OCR_MEMORY_BYTES, or print the page to a new PDF."


class RasterCrash(InputError):
    """The child process that read the page died."""

    hint = "Print the page to a new PDF; please report the file's origin."


class PoisonDocument(InputError):
    """The document was being read, alone, each time a worker died; it is not tried again in this run."""

    hint = "Look at the workers' logs for what ended them; `llava-ocr runs retry RUN` gives it another chance."


# Output: the model answered, and the answer can't be used.
class OutputError(ExtractionError):
    """The model's answer can't be used."""

    exit_code = 4


class CutAnswer(OutputError):
    """The answer reached its token limit before it ended."""

    hint = "Raise LLAVA_OCR_MAX_NEW_TOKENS."


class InvalidAnswer(OutputError):
    """The answer is not of the schema's shape."""

    hint = "Use an engine that decodes under a grammar; `llava-ocr doctor` says which do."


# Engine: the model or its server is at fault.
class EngineError(ExtractionError):
    """The engine failed; the document may be fine."""

    exit_code = 4


class ModelNotFound(EngineError):
    """The model is neither shipped, nor a folder, nor in the local hub cache."""

    hint = "Give `small`, a folder, or a hub name that is downloaded; `llava-ocr doctor` shows what is here."


class PromptTooLong(EngineError):
    """The request needs more tokens than the model's context holds; refused before anything is computed."""

    hint = "Lower LLAVA_OCR_MAX_TILES (a smaller grid), or use a model with a longer context or attention window."


class BadGrammar(EngineError):
    """The grammar of a schema can't be compiled."""

    hint = "`llava-ocr schema check FILE`; please report the schema."


class EngineUnavailable(EngineError):
    """The engine's server or device does not answer."""

    retryable = True
    hint = "Start the server or wait, then run again; finished documents are kept."


class EngineDenied(EngineError):
    """The engine's server refuses the key."""

    hint = "Check LLAVA_OCR_ENDPOINT_KEY, and that the key may use this model."


class EngineTimeout(EngineError):
    """The engine took longer than its limit. Not retried blindly: the server may still be working on it."""

    hint = "Raise LLAVA_OCR_ENGINE_TIMEOUT_S, or lower the concurrency."


class EngineDropped(EngineError):
    """The engine's server broke the connection off before it had answered."""

    retryable = True
    hint = "Look into the server's log: it crashed or was restarted. Run again; finished documents are kept."


class BadReply(EngineError):
    """The engine's server answered something that is not of its dialect."""

    hint = (
        "Check LLAVA_OCR_ENDPOINT_URL and _DIALECT: `llava-ocr doctor --engine endpoint` says what the server speaks."
    )


class GrammarIgnored(EngineError):
    """A server does not hold its answers to the grammar that it is given, or takes none."""

    hint = "Give LLAVA_OCR_ENDPOINT_DIALECT=vllm, or start vLLM as docs/serving.md says for vllm-guidance."


class ModelFailed(EngineError):
    """The network fails on one request, alone on the device, or says what is no number."""

    hint = "Try LLAVA_OCR_PRECISION=fp32; if it fails again, please report the page's kind and the device."


class DeviceLost(EngineUnavailable):
    """The device answers nothing any more; only a new process has it again."""

    hint = "Start the worker again; look at `dmesg` or `nvidia-smi -q` for what happened to the device."


class EngineOutOfMemory(EngineError):
    """One request alone does not fit the device's memory."""

    hint = "Lower LLAVA_OCR_MAX_TILES, or choose a smaller precision with LLAVA_OCR_PRECISION."


# Store: objects or the database.
class StoreError(ExtractionError):
    """The object store or the database failed."""

    exit_code = 5


class ObjectNotFound(StoreError):
    """No object has this key (any more)."""

    hint = "List the source again with `llava-ocr store ls`."


class StoreDenied(StoreError):
    """The store refuses the credentials."""

    hint = "Check the profile, keys and bucket policy; `llava-ocr doctor --source ...` tries them."


class StoreUnavailable(StoreError):
    """The store does not answer, or asks to slow down."""

    retryable = True
    hint = "Check the endpoint and the network, then run again; finished documents are kept."


class ObjectChanged(StoreError):
    """The object was overwritten while it was read."""

    retryable = True
    hint = "Run again: the new object will be read."


class DatabaseError(StoreError):
    """The database refuses or fails."""

    hint = "Check LLAVA_OCR_DB; `llava-ocr db check` says what is wrong."


class DatabaseUnavailable(DatabaseError):
    """The database does not answer."""

    retryable = True


class LeaseLost(StoreError):
    """The shard was taken from this worker, or its run was cancelled; nothing it reads is kept any more."""

    hint = "Nothing to do: another worker has the shard. Often seen? Then raise the lease, or look for long pauses."


class NoDatabase(DatabaseError):
    """There is no database where one is to be read."""

    hint = "--db or LLAVA_OCR_DB name another; `llava-ocr extract` makes one, as does `llava-ocr db upgrade`."


class SchemaOutOfDate(DatabaseError):
    """The database's tables are of another version than this program."""

    hint = "Run `llava-ocr db upgrade`."


def error_classes() -> dict[str, type[ExtractionError]]:
    """Every error class by its name, which is what rows store."""
    found: dict[str, type[ExtractionError]] = {}
    waiting: list[type[ExtractionError]] = [ExtractionError]
    while waiting:
        error = waiting.pop()
        found[error.__name__] = error
        waiting += error.__subclasses__()
    return found


def error_hint(reason: str) -> str:
    """What to do about a failure class; empty for one that is not ours."""
    error = error_classes().get(reason)
    return error.hint if error else ""
