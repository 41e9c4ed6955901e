"""The dashboard: a built single-page app from server/static."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.convertors import Convertor, register_url_convertor

from server.api.problems import ApiError
from server.api.security import new_nonce, page_policy

NONCE_PLACEHOLDER = "__CSP_NONCE__"
IMMUTABLE = "public, max-age=31536000, immutable"


class _PagePath(Convertor[str]):
    """Any path but the API's, where a wrong method is to be a 405 and not a page."""

    regex = "(?!api/).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("page_path", _PagePath())
router = APIRouter(include_in_schema=False)


def static_folder() -> Traversable:
    return files("server") / "static"


@router.get("/{path:page_path}")
def page(path: str) -> Response:
    """A file of the build, or for every other address the page itself: its routes are the browser's."""
    parts = path.split("/")
    if path == "index.html" or not ("." in parts[-1] or "\x00" in path):
        return _index()
    file = static_folder().joinpath(*parts)
    if ".." in parts or "\x00" in path or not file.is_file():
        raise ApiError(404, f"there is no /{path}")
    return FileResponse(str(file), headers={"Cache-Control": IMMUTABLE if parts[0] == "assets" else "no-cache"})


def _index() -> HTMLResponse:
    index = static_folder() / "index.html"
    if not index.is_file():
        raise ApiError(404, "the dashboard is not built here; `make frontend` builds it")
    nonce = new_nonce()
    html = index.read_text().replace(NONCE_PLACEHOLDER, nonce)
    return HTMLResponse(html, headers={"Content-Security-Policy": page_policy(nonce)})
