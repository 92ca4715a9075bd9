"""`llava-ocr chat`: a conversation about one document, at the screen, from a pipe, or one question at a time."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.asking.answering import can_speak
from llava_ocr.asking.answers import AnswerState, answer_object
from llava_ocr.asking.chat import Chat, Reply, open_chat
from llava_ocr.asking.documents import NoSuchPage
from llava_ocr.cli.asking import AsJson, EngineName, PageNumber, Passwords, Schemas, shown
from llava_ocr.errors import ConfigError
from llava_ocr.jsonform import to_json
from llava_ocr.raster.base import PageRead
from llava_ocr.run import NothingToRead
from llava_ocr.services import Services, open_services
from llava_ocr.settings import load_settings, override
from llava_ocr.store.open import open_source

HELP = "/page N talks about another page, /quit or an empty line ends."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="chat")(chat)


def chat(
    document: Annotated[str, typer.Argument(help="One document: a file, or s3://bucket/key")],
    page: PageNumber = None,
    once: Annotated[list[str] | None, typer.Option("--once", help="Say this and end; several are turns")] = None,
    engine: EngineName = None,
    schemas: Schemas = None,
    password_file: Passwords = None,
    as_json: AsJson = False,
) -> int:
    """Talk about a document. Turns come from --once, else a line each from standard input.

    An engine that speaks answers in its own words, which nothing on the page proves: `llava-ocr ask` gives evidence.
    """
    settings = override(load_settings(schemas=schemas, password_file=password_file), engine=engine)
    with open_services(settings) as services:
        pages = _pages(document, services)
        desk = _Desk(pages, services, page_index=_index(pages, page), as_json=as_json)
        with closing(desk):
            desk.greet()
            for line in once or _lines(desk.console):
                if not desk.take(line):
                    break
        return int(desk.has_failed)


class _Desk:
    """Where lines come in and replies go out."""

    def __init__(self, pages: Sequence[PageRead], services: Services, *, page_index: int, as_json: bool) -> None:
        self.console = Console(stderr=as_json)
        self.has_failed = False
        self._pages, self._services, self._as_json = pages, services, as_json
        self._chat = self._open(page_index)

    def greet(self) -> None:
        """Say with whom one talks, to people."""
        if sys.stdin.isatty() and not self._as_json:
            name = self._services.engine.profile.name
            talks = "talks" if can_speak(self._services.engine) else "only finds printed values; each question alone"
            self._say(f"{len(self._pages)} pages; {name} {talks}. {HELP}")

    def take(self, line: str) -> bool:
        """Take a line; say whether to go on."""
        text = line.strip()
        if not text or text == "/quit":
            return False
        if text.startswith("/"):
            self._order(text)
        else:
            self._show(self._chat.say(text))
        return True

    def close(self) -> None:
        """End the conversation."""
        self._chat.close()

    def _open(self, page_index: int) -> Chat:
        return open_chat(self._pages, self._services.engine, page_index=page_index, catalog=self._services.catalog)

    def _order(self, text: str) -> None:
        name, _, number = text.partition(" ")
        if name != "/page" or not number.strip().isdigit():
            self._say(HELP)
            return
        try:
            index = _index(self._pages, int(number))
        except NoSuchPage as error:
            self._say(str(error))
            return
        self._chat.close()
        self._chat = self._open(index)
        self._say(f"page {index + 1}; the conversation begins anew")

    def _show(self, reply: Reply) -> None:
        self.has_failed = self.has_failed or reply.answer.state is AnswerState.FAILED
        if self._as_json:
            told = {"turn": reply.turn, "dropped": list(reply.dropped), **answer_object(reply.answer)}
            typer.echo(to_json(told))
            return
        if reply.dropped:
            turns = ", ".join(str(turn) for turn in reply.dropped)
            self._say(f"[the context is full: turn {turns} is no longer known]")
        self._say(shown(reply.answer))

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _lines(console: Console) -> Iterator[str]:
    """Lines of standard input, to its end; a person is shown where to type."""
    while True:
        if sys.stdin.isatty():
            console.print("> ", end="")
        line = sys.stdin.readline()
        if not line:
            return
        yield line


def _pages(document: str, services: Services) -> list[PageRead]:
    """Every page of the one document that is named. Raises ConfigError, InputError, StoreError."""
    source = open_source(document, services.settings)
    infos = iter(source.store.list(source.select()))
    info, another = next(infos, None), next(infos, None)
    if info is None:
        raise NothingToRead(f"{document}: no object there matches")
    if another is not None:
        raise ConfigError(f"{document}: names several documents; chat is about one")
    with tempfile.TemporaryDirectory(prefix="llava-ocr-chat-") as folder:
        path = Path(folder) / "document"
        source.store.fetch(info, path, max_bytes=services.settings.max_bytes)
        return list(services.reader.read(path, services.passwords))


def _index(pages: Sequence[PageRead], number: int | None) -> int:
    """The index of the page to talk about, by default the first that has something on it. Raises NoSuchPage."""
    readable = [page.outcome.page_index for page in pages if page.raster is not None]
    index = number - 1 if number is not None else next(iter(readable), 0)
    if index not in readable:
        raise NoSuchPage(f"page {index + 1} of {len(pages)} is not there, or has nothing on it that can be read")
    return index
