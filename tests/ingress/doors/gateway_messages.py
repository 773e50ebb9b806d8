"""Requests to a gateway and answers of origins, as bytes, and the doors that get them."""

from ingress.doors.door import DoorSettings

OPEN = DoorSettings(needs_password=False, proxy_url="http://127.0.0.1:1080", pseudonym="shanghai", via="shanghai")
LOCKED = DoorSettings(needs_password=True, proxy_url="http://127.0.0.1:1080")


WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
SWITCHED = b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def get(
    url: bytes = b"http://a.example/", fields: bytes = b"", method: bytes = b"GET", version: bytes = b"1.1"
) -> bytes:
    return method + b" " + url + b" HTTP/" + version + b"\r\nHost: a.example\r\n" + fields + b"\r\n"


def post(body: bytes, fields: bytes = b"") -> bytes:
    return get(fields=fields + b"Content-Length: %d\r\n" % len(body), method=b"POST") + body


def login(user: bytes) -> bytes:
    return {b"alice": b"Proxy-Authorization: Basic YWxpY2U6c2VjcmV0\r\n",
            b"bob": b"Proxy-Authorization: Basic Ym9iOmhpZGRlbg==\r\n"}[user]  # fmt: skip
