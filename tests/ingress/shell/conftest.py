from tests.world import journal, make_world

__all__ = ["journal", "make_world"]
