"""A request that will not be carried out, raised where it is noticed and answered in one place, by the HTTP door."""

from http import HTTPStatus

from relay.model.cause import Cause


class RequestRefused(Exception):
    """What to answer. `text` is ours alone: it repeats nothing that the client wrote."""

    def __init__(self, status: HTTPStatus, text: str, cause: Cause | None = None, rule: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.cause = cause
        """Set if the table of replies has words for it; then those are used."""
        self.rule = rule
        """The rule that wanted it so, if one did."""


def bad_request(text: str) -> RequestRefused:
    """400: the bytes are no request, or could be read as two different ones."""
    return RequestRefused(HTTPStatus.BAD_REQUEST, text)
