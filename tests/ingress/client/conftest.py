from collections.abc import Iterator

import pytest

from tests.ingress.client.stage import Stages, open_stages


@pytest.fixture
def make_stage() -> Iterator[Stages]:
    """Makes stages; it is the clock of the test, which stands still."""
    with open_stages() as stages:
        yield stages
