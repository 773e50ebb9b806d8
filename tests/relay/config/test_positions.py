import json
import tomllib
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from relay.config.mistakes import Key
from relay.config.positions import find_lines

EXAMPLE = '''\
version = 1
[a.b]   # [not.this]
text = """
"" # no comment
x = 1
"""
"quoted.key" = [1, # a comment ]
  { c = [2], d.e = 3 },
]
[[f]]
g = 1979-05-27 07:32:00
[f.h]
i = ',]}'
[[f]]
g = 1.5e3
'''


def test_every_key_has_its_line() -> None:
    assert find_lines(EXAMPLE) == {
        ("version",): 1,
        ("a",): 2,
        ("a", "b"): 2,
        ("a", "b", "text"): 3,
        ("a", "b", "quoted.key"): 7,
        ("a", "b", "quoted.key", 0): 7,
        ("a", "b", "quoted.key", 1): 8,
        ("a", "b", "quoted.key", 1, "c"): 8,
        ("a", "b", "quoted.key", 1, "c", 0): 8,
        ("a", "b", "quoted.key", 1, "d"): 8,
        ("a", "b", "quoted.key", 1, "d", "e"): 8,
        ("f",): 10,
        ("f", 0): 10,
        ("f", 0, "g"): 11,
        ("f", 0, "h"): 12,
        ("f", 0, "h", "i"): 13,
        ("f", 1): 14,
        ("f", 1, "g"): 15,
    }


def flatten(value: object, key: Key = ()) -> Iterator[Key]:
    if key:
        yield key
    items: Iterator[tuple[str | int, object]] = iter(())
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    for part, inner in items:
        yield from flatten(inner, (*key, part))


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
QUOTED = TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False))
RAW = st.text(st.sampled_from('ab"#[],={}\n'), max_size=8)
STRINGS = (
    QUOTED | RAW.map(lambda text: f"'''{text}'''") | RAW.map(lambda text: '"""' + text.replace('"', r"\"") + '"""')
)
SCALARS = STRINGS | st.sampled_from(["1", "true", "-1.5", "1979-05-27 07:32:00", '"""a"""""', "''''b'''''", '""'])
SPACES = st.sampled_from(["", " ", "\n", "# ]\n", " \n\t"])
KEYS = QUOTED | st.sampled_from(["a", "b-1", "c_2"])


def arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.tuples(SPACES, values, SPACES).map("".join), max_size=3).map(lambda each: f"[{','.join(each)}]")


def inline(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.dictionaries(KEYS, values, max_size=3)
    return pairs.map(lambda each: "{" + ", ".join(f"{key} = {value}" for key, value in each.items()) + "}")


VALUES = st.recursive(SCALARS, lambda values: arrays(values) | inline(values), max_leaves=6)
HEADERS = st.tuples(st.sampled_from(["[{}]", "[[{}]]"]), st.lists(KEYS, min_size=1, max_size=2).map(".".join)).map(
    lambda each: each[0].format(each[1])
)
STATEMENTS = HEADERS | st.tuples(KEYS, VALUES).map(" = ".join)


@given(st.lists(st.tuples(SPACES, STATEMENTS).map("".join), max_size=6).map("\n".join))
def test_the_keys_are_those_that_tomllib_found(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = find_lines(text)
    assert set(lines) == set(flatten(document))
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
