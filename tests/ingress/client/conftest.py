from collections.abc import Iterator

import pytest

from tests.ingress.client.client_bed import ClientBeds, open_beds


@pytest.fixture
def make_bed() -> Iterator[ClientBeds]:
    """Makes beds; it is the clock of the test, which stands still."""
    with open_beds() as beds:
        yield beds
