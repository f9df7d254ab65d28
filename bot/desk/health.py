"""Whether the desk is up; asked by whatever watches over the processes."""

from starlette.responses import JSONResponse, Response

from bot.desk.access import Visit
from bot.desk.desk import Desk


async def health(_desk: Desk, _visit: Visit) -> Response:
    """Say that the desk answers."""
    return JSONResponse({"status": "ok"})
