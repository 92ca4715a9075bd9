"""Takes PDFs out of PDFs, in a child process of its own: `python -m llava_ocr.raster.unpacking`, its order on stdin."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from llava_ocr.engines.scripted import PROFILE
from llava_ocr.errors import (
    CorruptDocument,
    DocumentTooLarge,
    ExtractionError,
    RasterCrash,
    RasterOutOfMemory,
    RasterTimeout,
    error_classes,
)
from llava_ocr.machine import limit_cpu_time, limit_memory
from llava_ocr.raster.base import Limits, OcrMode, PdfLibrary, ReadOptions
from llava_ocr.raster.covers import embedded_pdfs
from llava_ocr.raster.opening import open_paper
from llava_ocr.raster.sandbox import child_environment

# What a file may be beside its bytes in memory: its container, and the library.
_SPARE_BYTES = 512 * 2**20


class Unpack(Protocol):
    """`unpack`, under limits and with passwords that are settled."""

    def __call__(self, path: Path, names: Sequence[str], folder: Path) -> dict[str, Path | ExtractionError]:
        """Write those PDFs to `folder`. Raises InputError."""
        ...


def unpack(
    path: Path, names: Sequence[str], folder: Path, *, passwords: Sequence[str], pdf: PdfLibrary, limits: Limits
) -> dict[str, Path | ExtractionError]:
    """Write these of the PDFs inside of a document to `folder`, together at most `max_bytes`; an error in the place of
    each that can't be. Raises InputError where the document itself can't be read."""
    order: dict[str, Any] = {
        "path": str(path),
        "names": list(names),
        "folder": str(folder),
        "passwords": list(passwords),
    }
    order |= {"pdf": pdf.value, "limits": asdict(limits)}
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "llava_ocr.raster.unpacking"],
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limits.page_timeout_s * 2,
            env=child_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RasterTimeout(f"unpacking embedded PDFs took longer than {2 * limits.page_timeout_s:g} s") from None
    try:
        told: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        raise RasterCrash(f"the process that unpacks embedded PDFs died (exit {ended.returncode})") from None
    if "reason" in told:
        raise _error(told)
    files = told["files"].items()
    return {name: _error(one) if isinstance(one, dict) else folder / str(int(one)) for name, one in files}


def unpack_one(
    path: Path, name: str, folder: Path, *, passwords: Sequence[str], pdf: PdfLibrary, limits: Limits
) -> Path:
    """Write one of them. Raises InputError, also where there is none of this name."""
    found = unpack(path, [name], folder, passwords=passwords, pdf=pdf, limits=limits)[name]
    if isinstance(found, ExtractionError):
        raise found
    return found


def _error(told: dict[str, Any]) -> ExtractionError:
    return error_classes()[told["reason"]](told["message"])


def main() -> None:
    """Carry out the order on stdin and tell the outcome on stdout."""
    order = json.load(sys.stdin)
    limits = Limits(**order["limits"])
    limit_memory(limits.memory_bytes + _SPARE_BYTES)
    limit_cpu_time(2 * limits.page_timeout_s + 5)
    told: dict[str, Any]
    try:
        told = {"files": _unpacked(order, limits)}
    except ExtractionError as error:
        told = {"reason": error.reason, "message": str(error)}
    except MemoryError:
        told = _out_of_memory(limits)
    except Exception as fault:  # The only place that catches everything: the file is as hostile as any.
        message = f"unpacking embedded PDFs failed unexpectedly ({type(fault).__name__})"
        told = {"reason": RasterCrash.__name__, "message": message}
    sys.stdout.write(json.dumps(told))


def _unpacked(order: dict[str, Any], limits: Limits) -> dict[str, Any]:
    options = ReadOptions(PROFILE, limits, pdf=PdfLibrary(order["pdf"]), ocr=OcrMode.NEVER)
    paper = open_paper(Path(order["path"]), order["passwords"], options)
    files = {file.name: file for file in embedded_pdfs(paper)}
    told: dict[str, Any] = {}
    left_bytes = limits.max_bytes
    for number, name in enumerate(order["names"]):
        try:
            if name not in files:
                raise CorruptDocument("no PDF of this name is embedded any more")
            data = files[name].read()
            if len(data) > left_bytes:
                raise DocumentTooLarge(f"embedded PDFs of one document take more than {limits.max_bytes:,} bytes")
            left_bytes -= len(data)
            (Path(order["folder"]) / str(number)).write_bytes(data)
            told[name] = number
        except ExtractionError as error:
            told[name] = {"reason": error.reason, "message": str(error)}
        except MemoryError:
            told[name] = _out_of_memory(limits)
    paper.close()
    return told


def _out_of_memory(limits: Limits) -> dict[str, str]:
    return {"reason": RasterOutOfMemory.__name__, "message": f"more than {limits.memory_bytes / 2**20:,.0f} MiB"}


if __name__ == "__main__":
    main()
