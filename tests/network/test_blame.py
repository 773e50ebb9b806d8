"""What is named when the file is wrong: real processes, real certificates. No moment without a word while a path is not
up."""

import pytest

from tests.network.network import INGRESS, Network

pytestmark = pytest.mark.network
RELAYS = ("jp-one", "jp-two")


def said(answer: dict[str, list[str]]) -> str:
    return "\n".join(answer["blame"])


def never_silent(answer: dict[str, list[dict[str, object]]]) -> None:
    """G1: something is said while any path is not up."""
    assert answer["blame"] or all(path["state"] == "up" for path in answer["paths"]), answer


def swapped(text: str, one: int, other: int) -> str:
    """The addresses of two nodes, the wrong way round; they listen where they did."""
    first, second = (f'\naddress = "127.0.0.1:{port}"' for port in (one, other))
    return text.replace(first, "\n?").replace(second, first).replace("\n?", second)


def test_g1_two_exits_whose_addresses_are_swapped(breakable: Network) -> None:
    ports = breakable.ports
    breakable.reload(swapped(breakable.original, ports["us-one"], ports["us-two"]), *RELAYS, INGRESS)
    is_named = "us-one and us-two: addresses swapped?"
    breakable.until(lambda answer: never_silent(answer) or [one[:37] for one in answer["blame"]] == [is_named])
    breakable.until(lambda answer: {path["state"] for path in answer["paths"]} == {"auth"})
    breakable.reload(breakable.original, *RELAYS, INGRESS)
    breakable.until(lambda answer: never_silent(answer) or not answer["blame"])


def test_g1_a_forward_that_leads_to_the_wrong_node(breakable: Network) -> None:
    forward = f'[line.one-one]\naddress = "127.0.0.1:{breakable.ports["us-two"]}"'
    breakable.reload(breakable.original.replace("[line.one-one]", forward), "jp-one", INGRESS)
    is_named = "line one-one leads to us-two, not to us-one: correct 127.0.0.1:"
    answer = breakable.until(lambda answer: never_silent(answer) or said(answer).startswith(is_named))
    assert {line["line"]: line["state"] for line in answer["lines"]}["one-one"] == "broken"
    assert breakable.get("/bytes/1000"), "the others carry on"


def test_g2_a_planned_restart_of_an_exit_accuses_no_line(breakable: Network) -> None:
    breakable.order("drain us-one")
    blames: set[str] = set()

    def is_gone(answer: dict[str, list[str]]) -> bool:
        never_silent(answer)
        blames.update(answer["blame"])
        return sum(path["state"] == "down" for path in answer["paths"]) == 2

    breakable.until(is_gone)
    breakable.wait("us-one")
    breakable.start("us-one")
    breakable.until(lambda answer: blames.update(answer["blame"]) or not answer["blame"])
    assert any(sentence.startswith("us-one came back") for sentence in blames), blames
    assert not [sentence for sentence in blames if sentence.startswith(("line", "exit", "node", "path"))], blames
