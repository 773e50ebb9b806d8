"""The files of the page, as a browser gets them."""

import gzip

import pytest

from ingress.web.assets import Asset, load_assets, serve_asset
from ingress.web.exchange import Visitor, WebRequest, WebResponse

ASSETS = load_assets()


def got(path: str, **headers: str) -> WebResponse | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return serve_asset(ASSETS, WebRequest("GET", path, {}, named, b"", Visitor("127.0.0.1")))


def test_the_root_is_the_page() -> None:
    page, same = got("/"), got("/index.html")
    assert page is not None and same is not None
    assert page.body == same.body and page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"


def test_a_browser_that_has_it_gets_it_not_again() -> None:
    page = got("/")
    assert page is not None
    again = got("/", if_none_match=f'"other", W/{page.headers["etag"]}')
    assert again is not None and (again.status, again.body) == (304, b"")
    changed = got("/", if_none_match='"other"')
    assert changed is not None and changed.status == 200


@pytest.mark.parametrize(
    ("accepts", "is_small"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.0", False), ("br", False), ("", False)],
)
def test_it_is_compressed_for_who_takes_that(accepts: str, is_small: bool) -> None:
    plain, found = got("/main.js"), got("/main.js", accept_encoding=accepts)
    assert plain is not None and found is not None
    assert (found.headers.get("content-encoding") == "gzip") is is_small
    assert isinstance(found.body, bytes)
    assert (gzip.decompress(found.body) if is_small else found.body) == plain.body


@pytest.mark.parametrize(
    "path", ["/nothing.js", "//index.html", "/../web/site.py", "/%2e%2e/site.py", "/uplot/VERSION"]
)
def test_nothing_else_is_a_file(path: str) -> None:
    assert got(path) is None


def test_what_is_small_is_not_compressed() -> None:
    assert all(isinstance(one, Asset) for one in ASSETS.values())
    assert all(one.compressed is None or len(one.compressed) < len(one.content) for one in ASSETS.values())
