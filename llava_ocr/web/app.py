"""The analysts' pages as one ASGI application."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from llava_ocr.errors import ExtractionError
from llava_ocr.web import (
    api,
    export_page,
    images_page,
    quality_page,
    record_page,
    records_page,
    review_page,
    runs_pages,
    sign_in,
)
from llava_ocr.web.faults import status_of_error
from llava_ocr.web.guard import guard
from llava_ocr.web.render import STATIC, fault
from llava_ocr.web.state import Site

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TITLE = "llava-ocr"


def create_app(site: Site) -> FastAPI:
    """Put the pages together over an open site, which is closed with the application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        site.pictures.close()

    # FastAPI's own documentation pages load scripts from elsewhere; the description itself is at /api/openapi.json.
    app = FastAPI(title=TITLE, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json", lifespan=lifespan)
    app.state.site = site
    app.middleware("http")(guard)
    if site.proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(site.proxies))
    app.add_exception_handler(ExtractionError, _show_error)
    app.add_exception_handler(HTTPException, _show_http_error)
    app.add_exception_handler(Exception, _show_mistake)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    pages = (records_page, record_page, review_page, images_page, export_page, runs_pages, quality_page, sign_in)
    for module in pages:
        app.include_router(module.router, include_in_schema=False)
    app.include_router(api.router)
    app.add_api_route("/", _home, include_in_schema=False)
    app.add_api_route("/healthz", _health, include_in_schema=False)
    return app


def _home() -> Response:
    return RedirectResponse("/records", status_code=303)


def _health() -> Response:
    return PlainTextResponse("ok")


def _show_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ExtractionError), error
    return fault(request, status_of_error(error), str(error), error.hint)


def _show_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), error
    return fault(request, error.status_code, "There is no such page." if error.status_code == 404 else error.detail, "")


def _show_mistake(request: Request, _: Exception) -> Response:
    """A mistake of ours, which the server logs; its own words may quote a document."""
    return fault(request, 500, "That is a mistake of the program.", "The server's log has it; please report it.")
