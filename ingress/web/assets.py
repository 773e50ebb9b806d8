"""What the browser gets: the files of `page/`, read once, kept as they are and compressed. They say nothing of the
network, so anybody may have them."""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import attrs

from ingress.web.exchange import WebRequest, WebResponse

TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "webp": "image/webp",
    "woff2": "font/woff2",
    "txt": "text/plain; charset=utf-8",
}
"""By the end of a name. A file of another kind is not served."""
WORTH_IT: Final = 1024
"""Bytes from which on a file is kept compressed as well, if that makes it smaller."""
INDEX: Final = "index.html"


@attrs.frozen
class Asset:
    """One file."""

    content: bytes
    kind: str
    etag: str
    compressed: bytes | None


def load_assets() -> Mapping[str, Asset]:
    """All files of the page, by their path below it."""
    return {name: _asset(name, content) for name, content in _walk(files("ingress.web").joinpath("page"), "")}


def serve_asset(assets: Mapping[str, Asset], request: WebRequest) -> WebResponse | None:
    """The file that *request* asks for; None if there is none. A browser asks each time whether it has changed: after
    an update nobody sees half of the old page."""
    asset = assets.get(request.path[1:] or INDEX)
    if asset is None:
        return None
    headers = {"etag": asset.etag, "cache-control": "no-cache", "vary": "accept-encoding"}
    if asset.etag in (each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")):
        return WebResponse(status=304, headers=headers)
    headers["content-type"] = asset.kind
    if asset.compressed is not None and _takes_gzip(request):
        return WebResponse(asset.compressed, headers={**headers, "content-encoding": "gzip"})
    return WebResponse(asset.content, headers=headers)


def _takes_gzip(request: WebRequest) -> bool:
    for coding in request.headers.get("accept-encoding", "").split(","):
        name, _, weight = coding.partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


def _asset(name: str, content: bytes) -> Asset:
    small = gzip.compress(content, 9, mtime=0) if len(content) >= WORTH_IT else content
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return Asset(content, TYPES[_ending(name)], etag, small if len(small) < len(content) else None)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for each in folder.iterdir():
        name = prefix + each.name
        if each.is_dir():
            yield from _walk(each, name + "/")
        elif _ending(name) in TYPES:
            yield name, each.read_bytes()


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower()
