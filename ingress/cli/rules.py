"""`ingress rules`: which rule a target falls under, by the files alone; the ingress need not run."""

import sys
import time
from argparse import Namespace
from pathlib import Path

from ingress.choice.rules import Query, Rules
from ingress.choice.sites import parse_client, parse_target
from ingress.config import IngressConfig, load
from ingress.config.rule import Rule, of_rules
from ingress.lists.countries import LONGEST_AGE
from ingress.lists.load import Lists, last_failure, load_lists
from ingress.lists.source import LoadedList
from ingress.state.place import fetched_folder
from relay.cli.owner import as_owner_of
from relay.cli.render_units import age
from relay.errors import OperatorError

OLD = 90 * 86400.0
"""Seconds after which a list is called old: those that are published change every week."""


def run(options: Namespace) -> int:
    """Options: config, name, target, client, user, listen, udp. Returns 0, also if no rule matches; 2 if *target* is
    none. OperatorError holds every mistake of the files."""
    file = Path(options.config)
    with as_owner_of(file.absolute().parent):
        config = load(file, options.ingress)
        lists = load_lists(of_rules(config.rules), config.countries, fetched=fetched_folder(config.state))
    if options.target is None:
        print("\n".join(overview(config, lists, time.time())))
        return 0
    try:
        host, port = parse_target(options.target)
    except ValueError as error:
        print(f"ingress: {options.target}: {error}", file=sys.stderr)
        return 2
    try:
        client = parse_client(options.client)
    except ValueError as error:
        print(f"ingress: --client: {error}", file=sys.stderr)
        return 2
    listen = None if options.listen is None else config.find_listen(options.listen)
    if options.listen is not None and listen is None:
        known = ", ".join(map(str, config.listen_addresses))
        raise OperatorError(f"{config.name} does not listen at {options.listen}: it does at {known}")
    protocol = "udp" if options.udp else "tcp"
    query = Query(host, port, client, options.user, listen, protocol)
    print(verdict(Rules(config.rules, lists, config.listen_names), query))
    return 0


def verdict(rules: Rules, query: Query) -> str:
    """What becomes of *query*, and why."""
    asked = [
        f"{_titled(rule)}: {rule.does}\n  if an address of {query.host} is its own: the ingress would look that up"
        for rule in rules.asking(query)
    ]
    match = rules.match(query)
    if match is None:
        told = "no rule matches: the best path, as ever"
    else:
        told = f"{_titled(match.rule)}: {match.rule.does}\n  by {match.because or 'nothing: it is for everything'}"
    return "\nelse ".join([*asked, told])


def _titled(rule: Rule) -> str:
    return rule.title if rule.name is None else f"{rule.title} ({rule.place})"


def overview(config: IngressConfig, lists: Lists, now: float) -> list[str]:
    """Every rule in a line, and below it the lists that it names."""
    if not config.rules:
        return ["there are no rules: every connection takes the best path"]
    said = []
    for rule in config.rules:
        said.append(f"{_titled(rule)}: {rule.conditions}: {rule.does}")
        said += [f"  {describe(lists.loaded[source], now)}" for source in rule.lists]
    if lists.countries is not None:
        said.append(f"countries by {lists.countries.file.name}, made {age(max(now - lists.countries.built, 0))} ago")
    return said


def describe(loaded: LoadedList, now: float) -> str:
    """What a list holds, its age, and what of it has no meaning here."""
    holds = ", ".join(f"{count} {what}" for what, count in loaded.targets.counts.items()) or "nothing that counts here"
    failure = None if loaded.source.url is None else last_failure(loaded.file)
    why = "" if failure is None else f"; the last try to fetch it has failed: {failure}"
    if loaded.modified is None:
        return f"{loaded.source}: was not fetched yet: it fits nothing until it is{why}"
    done = "changed" if loaded.source.url is None else "fetched"
    said = f"{loaded.source} ({loaded.format}): {holds}, {done} {age(max(now - loaded.modified, 0))} ago"
    left_out = ", ".join(f"{count} {what}" for what, count in loaded.targets.left_out.items())
    return f"{said}; left out: {left_out}{why}" if left_out else f"{said}{why}"


def list_warnings(lists: Lists, now: float) -> list[str]:
    """Lists that have grown old, or that hold nothing that counts here; a database that has."""
    said = []
    if lists.countries is not None and now - lists.countries.built > LONGEST_AGE:
        said.append(f"{lists.countries.file}: was made {age(now - lists.countries.built)} ago; fetch it again")
    for loaded in lists.loaded.values():
        if loaded.modified is None:
            continue  # `ingress check` may run where nothing is fetched
        if not len(loaded.targets):
            said.append(f"{loaded.file}: holds nothing that counts here; left out: all")
        if now - loaded.modified > OLD:
            done = "changed" if loaded.source.url is None else "fetched"
            said.append(f"{loaded.file}: was {done} {age(now - loaded.modified)} ago; fetch it again")
        if loaded.targets.left_out:
            left_out = ", ".join(f"{count} {what}" for what, count in loaded.targets.left_out.items())
            said.append(f"{loaded.file}: left out, since it has no meaning here: {left_out}")
    return said
