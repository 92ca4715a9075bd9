"""Many documents at once: pages are read in child processes while the engine answers, with bounded queues between.

    objects -> [fetch, read pages: a few threads, each over one child] -> queue -> [engine: batches] -> outcomes

The calling thread runs the engine, or hands it to `askers`. Memory is bounded by the queue, never by the listing.
"""

from __future__ import annotations

import queue
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from llava_ocr.askers import Askers
from llava_ocr.engines.base import Completion, Engine
from llava_ocr.errors import CorruptDocument, DatabaseError, EngineError, ExtractionError
from llava_ocr.extract import PageAnswer, answers_of, conclude, failed, page_failed
from llava_ocr.nested import Nest, document_at
from llava_ocr.question import Question
from llava_ocr.raster.base import PageRead, PageReader
from llava_ocr.raster.sniff import media_type_of
from llava_ocr.raster.unpacking import Unpack
from llava_ocr.records import Document, DocumentOutcome
from llava_ocr.store.base import ObjectInfo, Store
from llava_ocr.store.embedded import inside
from llava_ocr.windows import Answered, Asked, Asker, in_order


@dataclass(frozen=True)
class Line:
    """The production line that documents go through.

    `is_done` says of a document whether somebody read it before or is reading it; such documents are kept.
    `num_fetchers` threads fetch and read; `batch_size` requests go to the engine at once, from `num_askers` threads.
    With `unpack`, PDFs inside of a document are told to `announce` before the document ends; those that it returns are
    read next, `max_embedded` of them for each stored object, however deep they lie.
    """

    store: Store
    reader: PageReader
    engine: Engine
    question: Question
    is_done: Callable[[Document], bool]
    max_bytes: int
    passwords: tuple[str, ...]
    num_fetchers: int
    batch_size: int
    num_askers: int = 1
    unpack: Unpack | None = None
    max_embedded: int = 200
    announce: Callable[[ObjectInfo, Sequence[ObjectInfo]], Sequence[ObjectInfo]] = lambda _, found: found


@dataclass(frozen=True, eq=False)
class _Page:
    """A page that was read, without its pixels."""

    document: int
    page: PageRead


@dataclass(frozen=True, eq=False)
class _Ask:
    """Something to ask about a document; `asker` is told the answer."""

    document: int
    asker: Asker
    asked: Asked


@dataclass(frozen=True, eq=False)
class _Last:
    """No more pages of this document will come: it was read, kept, or `error` ended it."""

    document: int
    identity: Document | None
    num_pages: int = 0
    is_kept: bool = False
    error: ExtractionError | None = None


@dataclass(frozen=True)
class _Done:
    """No more documents will come; `error` is our own mistake, to be raised where the caller can see it."""

    error: BaseException | None = None


_Event = _Page | _Ask | _Last | _Done


@dataclass
class _OpenDocument:
    """The pages of a document that are in, until all are answered."""

    uri: str
    pages: list[PageRead] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    num_waiting: int = 0
    last: _Last | None = None

    @property
    def is_complete(self) -> bool:
        return self.last is not None and self.num_waiting == 0


def extract_all(infos: Iterable[ObjectInfo], line: Line) -> Generator[DocumentOutcome, None, None]:
    """Yield an outcome for every object, as each is finished. Raises EngineError when the engine can answer nothing:
    what was yielded until then stands, the rest is unread."""
    room = 2 * line.batch_size + line.num_fetchers
    events: queue.Queue[_Event] = queue.Queue(maxsize=room)
    stop = threading.Event()
    with tempfile.TemporaryDirectory(prefix="llava-ocr-") as folder:
        opened: dict[int, _OpenDocument] = {}
        feeder = threading.Thread(
            target=_feed, args=(infos, line, _Feed(Path(folder), events, stop, opened)), name="feeder", daemon=True
        )
        feeder.start()
        try:
            yield from _answer(line, events, opened)
        finally:
            stop.set()
            _drain(events, feeder)


@dataclass(frozen=True)
class _Feed:
    """What the feeding side shares with the answering side."""

    folder: Path
    events: queue.Queue[_Event]
    stop: threading.Event
    opened: dict[int, _OpenDocument]

    def put(self, event: _Event) -> None:
        """Hand an event over, waiting for room. Raises _Stopped when the other side is gone."""
        while not self.stop.is_set():
            try:
                return self.events.put(event, timeout=0.2)
            except queue.Full:
                continue
        raise _Stopped


class _Stopped(Exception):
    """The answering side is gone; nothing more is wanted."""


def _feed(infos: Iterable[ObjectInfo], line: Line, feed: _Feed) -> None:
    """Read every object's pages, a few objects at a time."""
    error: BaseException | None = None
    room = threading.Semaphore(2 * line.num_fetchers)

    numbers = count()

    def read(number: int, info: ObjectInfo) -> None:
        try:
            _Reading(line, feed, numbers).read(number, info)
        finally:
            room.release()

    try:
        with ThreadPoolExecutor(line.num_fetchers, thread_name_prefix="fetch") as pool:
            futures: list[Future[None]] = []
            for info in infos:
                room.acquire()
                if feed.stop.is_set():
                    break
                number = next(numbers)
                feed.opened[number] = _OpenDocument(info.uri)
                futures = [future for future in futures if not _is_over(future)]
                futures.append(pool.submit(read, number, info))
            for future in futures:
                future.result()
    except _Stopped:
        return
    except Exception as mistake:
        error = mistake
    try:
        feed.put(_Done(error))
    except _Stopped:
        return


def _is_over(future: Future[None]) -> bool:
    """Whether a reading has ended; raises what it raised."""
    if future.done():
        future.result()
        return True
    return False


class _Reading:
    """The reading of one stored object, and of the PDFs inside of it, one after the other."""

    def __init__(self, line: Line, feed: _Feed, numbers: Iterator[int]) -> None:
        self._line, self._feed, self._numbers = line, feed, numbers
        self._nest = Nest(line.unpack, max_embedded=line.max_embedded)

    def read(self, number: int, info: ObjectInfo) -> None:
        """Fetch the object and hand its pages over, then those of what lies inside of it."""
        with tempfile.TemporaryDirectory(dir=self._feed.folder, prefix=f"{number}-") as folder:
            try:
                fetched = self._line.store.fetch(info, Path(folder) / "object", max_bytes=self._line.max_bytes)
                path = self._nest.reach(info, fetched.path)
                if path == fetched.path:
                    document = Document(fetched.id, info.uri, fetched.size_bytes, media_type_of(path))
                else:
                    document = document_at(path, info.uri)
            except ExtractionError as error:
                self._feed.put(_Last(number, None, error=error))
                return
            self._pages(number, info, document, path)

    def _pages(self, number: int, info: ObjectInfo, document: Document, path: Path) -> None:
        """Hand the pages of a document over, and read what lies inside of it."""
        line, feed = self._line, self._feed
        num_pages = 0
        found: list[ObjectInfo] = []
        try:
            if line.is_done(document):
                feed.put(_Last(number, document, is_kept=True))
                return
            num_pages = line.reader.num_pages(path, line.passwords)
            asker = Asker(line.question, line.engine.profile, num_pages=num_pages)
            try:
                for page in line.reader.read(path, line.passwords):
                    found += [inside(info, name) for name in page.embedded]
                    asked = asker.add(page)
                    feed.put(_Page(number, replace(page, raster=None)))
                    for one in asked:
                        feed.put(_ask(number, asker, one, of=document))
            finally:
                # What waited for further pages is asked, whatever became of them.
                for one in asker.rest():
                    feed.put(_ask(number, asker, one, of=document))
            # Told before the document ends: its shard is not over while these are open.
            still_open = line.announce(info, self._nest.wanted(found))
            feed.put(_Last(number, document, num_pages=num_pages))
        except DatabaseError:
            # `is_done` asked in vain: no fault of the document, and the next ones would fare no better.
            raise
        except ExtractionError as error:
            feed.put(_Last(number, document, num_pages=num_pages, error=error))
        else:
            self._inside(still_open, path)

    def _inside(self, infos: Sequence[ObjectInfo], path: Path) -> None:
        """Read what lies inside of the document at `path`."""
        for info, there in self._nest.unpacked(infos, path):
            number = next(self._numbers)
            self._feed.opened[number] = _OpenDocument(info.uri)
            if isinstance(there, ExtractionError):
                self._feed.put(_Last(number, None, error=there))
            else:
                self._pages(number, info, document_at(there, info.uri), there)
                there.unlink()


def _ask(number: int, asker: Asker, asked: Asked, *, of: Document) -> _Ask:
    """Name a request by its document and window, so that no two in the engine are called alike."""
    request = replace(asked.request, id=f"{number}/{asked.window.name}", document_id=of.id)
    return _Ask(number, asker, replace(asked, request=request))


def _answer(line: Line, events: queue.Queue[_Event], opened: dict[int, _OpenDocument]) -> Iterator[DocumentOutcome]:
    """Take events as they come, have the engine asked in batches, and yield documents whose pages are all in."""
    asking = Askers[list[_Ask], list[tuple[_Ask, Completion]]](
        lambda batch: _complete(line.engine, batch), num_askers=line.num_askers
    )
    is_fed = False
    # What answers left to ask goes before what comes.
    again: list[_Ask] = []
    try:
        while not (is_fed and asking.is_idle and not again):
            batch: list[_Ask] = []
            touched: set[int] = set()
            if again and not asking.is_full:
                batch, again = again[: line.batch_size], again[line.batch_size :]
            elif not is_fed and not asking.is_full:
                is_fed = _take(_next_events(events, line.batch_size, _patience_s(asking)), batch, touched, opened)
            # What needs no answer is out of the way before the engine is asked, and may fail.
            yield from _finished(opened, touched, line)
            if batch:
                asking.submit(batch)
            answered: set[int] = set()
            is_stuck = not asking.is_idle and ((is_fed and not again) or asking.is_full)
            for answers in asking.answers(at_least_one=is_stuck):
                for ask, completion in answers:
                    again += _received(ask, completion, opened[ask.document])
                    answered.add(ask.document)
            yield from _finished(opened, answered, line)
    finally:
        asking.close()


def _received(ask: _Ask, completion: Completion, document: _OpenDocument) -> list[_Ask]:
    """Note an answer, and return what it leaves to ask."""
    reply = ask.asker.reply(ask.asked, completion)
    if reply.is_kept:
        document.answered.append(Answered(ask.asked.window, completion))
    document.num_waiting += len(reply.asked) - 1
    of = ask.asked.request.document_id
    named = [replace(one.request, id=f"{ask.document}/{one.window.name}", document_id=of) for one in reply.asked]
    return [replace(ask, asked=replace(one, request=request)) for one, request in zip(reply.asked, named, strict=True)]


def _patience_s(asking: Askers[Any, Any]) -> float | None:
    """How long to wait for the next event: no longer than a moment while answers may come in."""
    return None if asking.is_idle else 0.05


def _take(events: Iterable[_Event], batch: list[_Ask], touched: set[int], opened: dict[int, _OpenDocument]) -> bool:
    """Sort events into what is to be asked and which documents were touched; say whether they were the last."""
    for event in events:
        if isinstance(event, _Done):
            if event.error is not None:
                raise event.error
            return True
        if isinstance(event, _Last):
            opened[event.document].last = event
            touched.add(event.document)
        elif isinstance(event, _Page):
            opened[event.document].pages.append(event.page)
        else:
            opened[event.document].num_waiting += 1
            batch.append(event)
    return False


def _finished(opened: dict[int, _OpenDocument], touched: set[int], line: Line) -> Iterator[DocumentOutcome]:
    """Close those of the touched documents whose pages are all in."""
    for number in sorted(touched):
        if opened[number].is_complete:
            yield _outcome(opened.pop(number), line)


def _next_events(events: queue.Queue[_Event], batch_size: int, patience_s: float | None) -> Iterator[_Event]:
    """Wait for one event, for ever or as long as said, then take what is there, until a batch of requests is full."""
    num_requests = 0
    try:
        event = events.get(timeout=patience_s)
        while True:
            yield event
            num_requests += isinstance(event, _Ask)
            if isinstance(event, _Done) or num_requests >= batch_size:
                return
            event = events.get_nowait()
    except queue.Empty:
        return


def _complete(engine: Engine, batch: list[_Ask]) -> list[tuple[_Ask, Completion]]:
    requests = [one.asked.request for one in batch]
    completions = engine.complete(requests)
    if len(completions) != len(requests):
        raise EngineError(f"{engine.profile.name}: {len(completions)} answers to {len(requests)} requests")
    return list(zip(batch, completions, strict=True))


def _outcome(document: _OpenDocument, line: Line) -> DocumentOutcome:
    last = document.last
    assert last is not None, document.uri
    if last.error is not None and (last.num_pages == 0 or last.identity is None):
        return failed(document.uri, last.error, document=last.identity)
    assert last.identity is not None, document.uri
    if last.is_kept:
        return DocumentOutcome(document.uri, last.identity, 0, (), is_kept=True)
    answers = _all_pages(answers_of(document.pages, in_order(document.answered)), last)
    return conclude(last.identity, line.question, answers, num_pages=len(answers), profile=line.engine.profile)


def _all_pages(answers: list[PageAnswer], last: _Last) -> list[PageAnswer]:
    """The pages that came, and for each that the document promised and did not give, why it failed."""
    by_index = {answer.page.outcome.page_index: answer for answer in answers}
    num_pages = max(last.num_pages, 1 + max(by_index, default=-1))
    error = last.error or CorruptDocument(f"said to have {last.num_pages} pages, gave {len(by_index)}")
    missing = (index for index in range(num_pages) if index not in by_index)
    by_index |= {index: PageAnswer(PageRead(page_failed(index, error))) for index in missing}
    return [by_index[index] for index in sorted(by_index)]


def _drain(events: queue.Queue[_Event], feeder: threading.Thread) -> None:
    """Let the feeding threads end: they may be waiting for room."""
    while feeder.is_alive():
        try:
            events.get(timeout=0.05)
        except queue.Empty:
            continue
