"""Each ingress has memory of its own at a node."""

from relay.node.accounts import Accounts


def test_b4_ingresses_share_evenly_and_one_that_takes_all_leaves_the_others_theirs() -> None:
    accounts = Accounts(1 << 20)
    first = accounts.of("shanghai")
    assert accounts.of("shanghai") is first and first.limit == 1 << 20
    first.used = 1 << 20
    second = accounts.of("beijing")
    assert first.limit == second.limit == 1 << 19
    assert first.is_full and not second.is_full and not second.is_short
    first.denied, first.cut_short = 3, 1
    accounts.keep(["beijing"])
    assert second.limit == 1 << 20 and dict(accounts) == {"beijing": second}
    second.denied, second.started, second.used = 4, 5, 6
    told = accounts.statistics()
    assert (told.limit, told.started, told.used, told.denied, told.cut_short) == (1 << 20, 5, 6, 7, 1)
    accounts.keep(["beijing"])
    assert "beijing" in repr(accounts)
