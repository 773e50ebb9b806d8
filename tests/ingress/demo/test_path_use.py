"""What is told of the paths that a download took."""

from ingress.demo.path_use import LEAST, PathUse


def test_the_path_that_carries_most_is_the_one_in_use() -> None:
    use = PathUse()
    use.look({"a": 10, "b": 0})
    assert use.used == ()
    use.look({"a": 11, "b": 2 * LEAST})
    use.look({"a": 500, "b": 4 * LEAST})
    assert use.used == ("b",)
    for _ in range(2):
        use.look({"a": 500 + 3 * LEAST, "b": 4 * LEAST, "c": 1})
    assert use.used == ("b", "a")


def test_an_ingress_that_does_not_answer_changes_nothing() -> None:
    use = PathUse()
    use.look({"a": 0})
    use.look({})
    use.look({"a": 5 * LEAST})
    assert use.used == ()
