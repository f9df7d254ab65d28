"""The desk's process and its one page: counts of content and of what waits, no person's data."""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from bot import logs
from bot.content_file import ContentError
from bot.knowledge import Shelf
from bot.settings import CONTENT, WrongSetting, read_settings
from bot.store import Store, counts

_templates = Jinja2Templates(Path(__file__).parent / "templates")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def create_app(store: Store, shelf: Shelf) -> Starlette:
    """Return the desk's application."""

    async def status(request: Request) -> Response:
        async with store.reading() as session:
            now = await counts.now(session)
        articles = shelf.library.articles.values()
        page = {
            "articles": len(articles),
            "reviewed": sum(article.reviewed_by is not None for article in articles),
            "counts": now,
        }
        return _templates.TemplateResponse(request, "status.html", page, headers=_HEADERS)

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await store.migrate()
        yield
        await store.close()

    return Starlette(routes=[Route("/", status), Route("/healthz", health)], lifespan=lifespan)


def main() -> int:
    """Run as a process on loopback. Returns 2 when the content or a setting is broken."""
    try:
        settings = read_settings()
        logs.configure(settings.log_level, "desk")
        production = settings.mode == "production"
        shelf = Shelf(CONTENT, reload=not production, must_be_reviewed=production, clock=time.monotonic)
    except (WrongSetting, ContentError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    app = create_app(Store(settings.database), shelf)
    uvicorn.run(app, host="127.0.0.1", port=settings.desk_port, log_config=None, access_log=False)
    return 0
