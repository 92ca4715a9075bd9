"""`llava-ocr worker`: a long-lived reader of shards."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import threading
from typing import Annotated

import typer

from llava_ocr.errors import ConfigError
from llava_ocr.logs import LogFormat, set_up_logs
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings
from llava_ocr.worker import reporting, serve

# Nothing moved for as long as the terms of a lease allow: only a new process can be trusted to go on.
STALLED_EXIT_CODE = 70

log = logging.getLogger(__name__)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="worker")(worker)


def worker(
    db: Annotated[str | None, typer.Option(help="Database URL; default LLAVA_OCR_DB")] = None,
    engine: Annotated[str | None, typer.Option(help="small, a folder or hub name, endpoint, rules, scripted")] = None,
    host: Annotated[str, typer.Option(help="Address of /healthz and /metrics")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Its port; 0 takes a free one")] = 9464,
    once: Annotated[bool, typer.Option("--once", help="Leave when there is nothing to claim")] = False,
    log_format: Annotated[LogFormat | None, typer.Option("--log", help="Lines for people, or JSON lines")] = None,
    pool: Annotated[
        str | None, typer.Option(help="Take shards from this Prefect work pool; else from the ledger itself")
    ] = None,
) -> int:
    """Read shards of open runs with this engine until SIGTERM, which finishes what is begun and hands back the rest."""
    if pool and once:
        raise ConfigError("--once has no meaning with --pool: a pool's worker waits for what is handed to it")
    settings, stop = load_settings(db=db, engine=engine, log=log_format), threading.Event()
    set_up_logs(settings.log)
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    if pool:
        # Prefect stands above this layer and takes a second to import, so it is loaded only where it is asked for.
        work_in = importlib.import_module("flows.worker").work_in
        work_in(pool, settings, host=host, port=port, stop=stop, on_stall=_leave)
        return 0
    with open_services(settings) as services, reporting(services.metrics, stop, host=host, port=port) as at:
        log.info("engine %s; health and metrics at %s:%d", services.engine.profile.name, host, at)
        serve(services, stop, on_stall=_leave, is_once=once)
    return 0


def _leave() -> None:
    log.critical("nothing moved for too long; leaving, so that a new process may go on")
    os._exit(STALLED_EXIT_CODE)
