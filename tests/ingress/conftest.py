from tests.relay.conftest import black_hole, nobody
from tests.world import journal, make_world

__all__ = ["black_hole", "journal", "make_world", "nobody"]
