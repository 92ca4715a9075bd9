"""Reads documents in child processes: a page that hangs, crashes or eats memory costs that page and nothing else."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import llava_ocr
from llava_ocr.errors import (
    ConfigError,
    CorruptDocument,
    DocumentTooLarge,
    EmptyDocument,
    ExtractionError,
    InputError,
    MissingExtra,
    RasterCrash,
    RasterOutOfMemory,
    RasterTimeout,
    UnknownFormat,
)
from llava_ocr.raster.base import Limits, PageRead, PageReader, ReadOptions
from llava_ocr.raster.channel import (
    Channel,
    Count,
    Credit,
    Ended,
    Opened,
    Read,
    Ready,
    Refused,
    UnreadableMessage,
)
from llava_ocr.raster.packing import PackedPage
from llava_ocr.raster.sniff import sniff_path
from llava_ocr.raster.talk import Talk, is_whole, refusal_of
from llava_ocr.records import PageOutcome, PageState

CHILD_PROGRAM = ("-m", "llava_ocr.raster.child")
# One page is taken while one is read; more only fills memory.
PAGES_AHEAD = 2
# A document whose pages end the child this often in a row is not worth its remaining pages' time limits.
MAX_DEATHS_IN_A_ROW = 3
_START_TIMEOUT_S = 120.0


def open_page_reader(options: ReadOptions, *, num_children: int) -> PageReader:
    """Open a reader with up to `num_children` child processes; each starts when it is first needed."""
    return Sandbox(options, num_children=num_children)


class Sandbox:
    """A pool of child processes behind the `PageReader` protocol.

    A thread holds one child for as long as it is inside `num_pages` or an unfinished `read`; others wait.
    """

    def __init__(
        self, options: ReadOptions, *, num_children: int, child_program: Sequence[str] = CHILD_PROGRAM
    ) -> None:
        assert num_children >= 1, num_children
        self._options = options
        self._program = tuple(child_program)
        self._places: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(num_children):
            self._places.put(None)
        self._alive: set[_Child] = set()
        self._lock = threading.Lock()

    def num_pages(self, path: Path, passwords: Sequence[str] = ()) -> int:
        """Open the document and count its pages. Raises InputError."""
        check_stored(path, self._options.limits)
        with self._borrowed() as child:
            return child.count(Count(str(path), tuple(passwords)))

    def read(self, path: Path, passwords: Sequence[str] = ()) -> Iterator[PageRead]:
        """Yield every page; one that can't be read says why in its outcome. Raises InputError before the first."""
        return self.read_from(path, 0, passwords)

    def read_from(self, path: Path, first_page: int, passwords: Sequence[str] = ()) -> Generator[PageRead, None, None]:
        """Yield the pages from `first_page` on; as `read` otherwise. Closing it early costs the child process."""
        check_stored(path, self._options.limits)
        reading = _Reading(str(path), tuple(passwords), first_page)
        while not reading.is_complete:
            with self._borrowed() as child:
                yield from reading.pages(child)

    def close(self) -> None:
        """End the child processes."""
        with self._lock:
            ending, self._alive = self._alive, set()
        for child in ending:
            child.end()

    @contextmanager
    def _borrowed(self) -> Iterator[_Child]:
        """Lend a child, started if need be; one that comes back dead, worn or in mid-document is ended."""
        child = self._places.get()
        try:
            if child is None or not child.is_alive:
                child = self._start()
            yield child
        finally:
            if child is not None and not child.is_fit:
                self._end(child)
                child = None
            self._places.put(child)

    def _start(self) -> _Child:
        child = _Child(self._program, self._options)
        with self._lock:
            self._alive.add(child)
        child.wait_until_ready()
        return child

    def _end(self, child: _Child) -> None:
        with self._lock:
            self._alive.discard(child)
        child.end()


class _Reading:
    """Where the reading of one document stands, over however many children it takes."""

    def __init__(self, path: str, passwords: tuple[str, ...], first_page: int = 0) -> None:
        self._path = path
        self._passwords = passwords
        self._num_pages: int | None = None
        self._next_page = first_page
        self._num_deaths = 0

    @property
    def is_complete(self) -> bool:
        return self._num_pages is not None and self._next_page >= self._num_pages

    def pages(self, child: _Child) -> Iterator[PageRead]:
        """Yield pages from where the last child left off. A death costs one page; raises if it comes before any."""
        order = Read(self._path, self._passwords, self._next_page, PAGES_AHEAD)
        try:
            for reply in child.replies(order):
                if isinstance(reply, Opened):
                    # Counted once: what a second opening says can't add or lose pages.
                    self._num_pages = reply.num_pages if self._num_pages is None else self._num_pages
                elif not self.is_complete:
                    self._next_page += 1
                    self._num_deaths = 0
                    yield reply
            if not self.is_complete:
                yield from self._rest(CorruptDocument("the document has lost pages since it was first opened"))
        except _DeathError as death:
            if self._num_pages is None:
                raise death.error from None
            yield self._failed(death.error)
            self._num_deaths += 1
            if self._num_deaths >= MAX_DEATHS_IN_A_ROW:
                yield from self._rest(type(death.error)(f"not tried: {self._num_deaths} pages before it did so"))
        except ExtractionError as error:
            if self._num_pages is None:
                raise
            yield from self._rest(error)

    def _rest(self, error: ExtractionError) -> Iterator[PageRead]:
        while not self.is_complete:
            yield self._failed(error)

    def _failed(self, error: ExtractionError) -> PageRead:
        page_index = self._next_page
        self._next_page += 1
        message = f"page {page_index + 1}: {error}"
        return PageRead(PageOutcome(page_index, PageState.FAILED, error.reason, message))


class _DeathError(Exception):
    """The child had to be ended, or ended itself; `error` says how."""

    def __init__(self, error: InputError) -> None:
        super().__init__(str(error))
        self.error = error


class _Child:
    """One child process, from the parent's side."""

    def __init__(self, program: Sequence[str], options: ReadOptions) -> None:
        self._options = options
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours)
        with theirs:
            # A fresh interpreter, not a fork: the parent has threads, locks and torch. Libraries write their
            # complaints about documents straight to stderr, so that goes nowhere.
            self._process = subprocess.Popen(
                [sys.executable, "-P", *program, str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=child_environment(),
            )
        self._is_idle = True
        self._is_worn = False

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def is_fit(self) -> bool:
        """Whether it may take another document."""
        return self._is_idle and not self._is_worn and self.is_alive and not self._channel.has_waiting()

    def wait_until_ready(self) -> None:
        """Wait until the libraries are loaded. Raises ConfigError where the child can't start at all."""
        try:
            self._channel.send(self._options)
            reply = self._channel.receive_page(timeout_s=_START_TIMEOUT_S)
            if not isinstance(reply, Ready):
                raise UnreadableMessage(type(reply).__name__)
        except (EOFError, OSError, UnreadableMessage) as fault:
            self.end()
            status = self._process.returncode
            raise ConfigError(
                f"the process that reads pages does not start ({type(fault).__name__}, exit {status})"
            ) from None

    def count(self, order: Count) -> int:
        """Count a document's pages. Raises InputError."""
        num_pages = 0
        try:
            for reply in self.replies(order):
                if isinstance(reply, Opened):
                    num_pages = reply.num_pages
        except _DeathError as death:
            raise death.error from None
        return num_pages

    def replies(self, order: Count | Read) -> Iterator[Opened | PageRead]:
        """Send an order and yield the answers to it. Raises what the child refused with, or _DeathError."""
        self._is_idle = False
        refusal: InputError | MissingExtra | None = None
        talk = Talk(order, self._options.limits)
        self._send(order)
        while True:
            reply = self._receive()
            if not talk.takes(reply):
                raise self._damaged(type(reply).__name__)
            if isinstance(reply, Ended):
                break
            if isinstance(reply, Refused):
                refusal = refusal_of(reply)
            elif isinstance(reply, Opened):
                yield reply
            elif isinstance(reply, PackedPage):
                yield self._unpacked(reply)
                self._send(Credit())
        self._is_idle, self._is_worn = True, reply.is_worn
        if refusal is not None:
            raise refusal

    def end(self) -> None:
        """End the process, at once and for good."""
        self._process.kill()
        self._process.wait()
        self._channel.close()

    def _send(self, message: object) -> None:
        try:
            self._channel.send(message)
        except OSError:
            raise self._death() from None

    def _receive(self) -> object:
        timeout_s = self._options.limits.page_timeout_s
        try:
            return self._channel.receive_page(timeout_s=timeout_s)
        except TimeoutError:
            self._process.kill()
            raise _DeathError(RasterTimeout(f"longer than {timeout_s:g} s")) from None
        except (EOFError, OSError):
            raise self._death() from None
        except UnreadableMessage as fault:
            raise self._damaged(str(fault)) from None

    def _unpacked(self, packed: PackedPage) -> PageRead:
        try:
            page = packed.unpacked()
        # Whatever arrays and sizes that fit no page raise: the child has parsed hostile bytes.
        except Exception as fault:
            raise self._damaged(type(fault).__name__) from None
        if not is_whole(page, self._options.profile):
            raise self._damaged("a page in parts")
        return page

    def _damaged(self, what: str) -> _DeathError:
        self._process.kill()
        return _DeathError(RasterCrash(f"the reader's answer is damaged ({what})"))

    def _death(self) -> _DeathError:
        try:
            status = self._process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return _DeathError(RasterCrash("the reader hung up"))
        return _DeathError(_error_of_status(status, self._options.limits))


def check_stored(path: Path, limits: Limits) -> None:
    """Refuse what needs no child to see. Raises EmptyDocument, DocumentTooLarge or UnknownFormat."""
    size_bytes = path.stat().st_size
    if not size_bytes:
        raise EmptyDocument("0 bytes")
    if size_bytes > limits.max_bytes:
        raise DocumentTooLarge(f"{size_bytes:,} bytes, the limit is {limits.max_bytes:,}")
    if sniff_path(path) is None:
        raise UnknownFormat("neither a PDF nor an image of a kind that is read here")


def _error_of_status(status: int, limits: Limits) -> InputError:
    if status == -signal.SIGKILL:
        # We did not send it: it is what the kernel ends a process with when memory runs out.
        return RasterOutOfMemory("the system ended the reader, which it does when memory runs out")
    if status == -signal.SIGXCPU:
        return RasterTimeout(f"longer than {limits.page_timeout_s:g} s of CPU time")
    name = signal.Signals(-status).name if status < 0 else f"exit {status}"
    return RasterCrash(f"the reader died ({name})")


def child_environment() -> dict[str, str]:
    """The child imports the very package that runs here, wherever the working directory is; its maths stays serial."""
    root = str(Path(llava_ocr.__file__).parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join(filter(None, (root, inherited)))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
