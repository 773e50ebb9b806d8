"""The keys of `[ingress.NAME]` that are about the page: where it listens, who may look.

What must stay true: a page that others than this machine reach asks for a password.
"""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from ingress.config.model import Doors, Web
from ingress.messages.message import Message
from relay.config import values
from relay.config.network import read_secret_place
from relay.config.table import Table
from relay.model.addresses import is_loopback

KEYS = ("web_users", "web_hosts", "web_token", "web_certificate", "web_origins")
"""What is of use beside `web` only."""


def read_web(table: Table) -> Web | None:
    """What the ingress of *table* serves its page at; None if it has none."""
    listen = table.many("web", values.listen_address)
    users = table.file("web_users")
    hosts = table.many("web_hosts", _host)
    token = table.get("web_token", lambda value: read_secret_place(value, table.folder), None)
    origins = table.many("web_origins", _origin)
    certificate = table.table("web_certificate")
    chain = key = None
    if certificate is not None:
        chain, key = certificate.file("file"), certificate.file("key")
        certificate.finish()
        if chain is None and "file" not in certificate:
            certificate.wrong("file", "is missing", 'write { file = "web.pem", key = "web.key" }')
    if not listen:
        for name in (name for name in KEYS if name in table and "web" not in table):
            table.wrong(name, "is of no use without a page", 'write web = "127.0.0.1:9090" beside it')
        return None
    if users is None and "web_users" not in table:
        for address in (address for address in listen if not is_loopback(address.host)):
            mend = 'write web_users = "web-users.toml", or listen at 127.0.0.1'
            table.wrong("web", f"{address} is open to everybody who reaches it", mend)
    return Web(listen, users, hosts, token, chain, key or chain, origins)


def _host(value: object) -> str:
    """A name that the page is asked by; without a port."""
    found = values.text(value)
    if ":" in found or "/" in found:
        raise values.Wrong(f'"{found}" is not a host name', "write it without https:// and port, as proxy.example")
    return values.host_name(found)


def _origin(value: object) -> str:
    """Where a dashboard is served from, as browsers say it."""
    found = values.text(value)
    try:
        parts = urlsplit(found)
        is_origin = parts.scheme in ("http", "https") and bool(parts.hostname) and found == found.lower()
        is_origin = is_origin and f"{parts.scheme}://{parts.netloc}" == found and "@" not in found
    except ValueError:
        is_origin = False
    if not is_origin:
        raise values.Wrong(f'"{found}" is not an origin', "write one as https://board.example, with nothing behind it")
    return found


def web_warnings(doors: Iterable[Doors]) -> Iterator[str]:
    """Pages that others reach, and whose passwords and cookies anybody on the way can read."""
    for each in doors:
        if each.web is None or each.web.certificate is not None:
            continue
        for address in (address for address in each.web.listen if not is_loopback(address.host)):
            yield Message("file.web-open", ingress=each.name, address=str(address))
