"""What every bound of an ingress has counted so far, by the names that `ingress paths --json` and docs/threats.md use.

The rules are those of `relay.serve.counters`.
"""

from ingress.serve.running import Running
from relay.serve.counters import process_counters


def ingress_counters(running: Running) -> dict[str, int]:
    """All of an ingress's."""
    passwords, of_page = running.entrance.passwords.statistics(), running.web.passwords.statistics()
    associations, datagrams = running.associations.statistics(), running.fleet.datagrams.statistics()
    return {
        **process_counters(running.loop, running.listeners, running.memory.statistics()),
        "strangers_evicted": running.entrance.strangers.statistics().evicted,
        "newcomers_evicted": running.entrance.newcomers.statistics().evicted,
        "doors_delayed": running.entrance.door_turns.statistics().delayed,
        "clients_idle": running.entrance.idled,
        "peers_vanished": running.vanished.count,
        "protocol_errors": running.fleet.broken,
        "passwords_wrong": passwords.wrong + of_page.wrong,
        "passwords_repeated": passwords.repeated + of_page.repeated,
        "passwords_refused": passwords.refused + of_page.refused,
        "passwords_abandoned": passwords.abandoned + of_page.abandoned,
        "names_not_waited_for": running.names.unasked,
        "web_evicted": running.web.evicted,
        "web_refused": running.web.refused,
        "usage_dropped": running.usage.dropped,
        "quotas_forgotten": running.quotas.tallies.dropped,
        "history_dropped": running.history.dropped,
        "alerts_given_up": running.alerting.statistics().given_up,
        "streams_unrepeatable": running.opener.statistics().unrepeatable,
        "associations_evicted": associations.evicted,
        "datagrams_foreign": associations.foreign,
        "datagrams_malformed": associations.malformed,
        "datagrams_refused": associations.refused + (0 if running.direct is None else running.direct.datagrams_refused),
        "mappings_evicted": running.datagram_forwards.evicted,
        "quic_refused": associations.not_in_tcp,
        "datagrams_over_rate": associations.over_rate,
        "datagrams_unrouted": associations.unrouted + datagrams.unrouted,
        "datagrams_strange": datagrams.strange,
        "datagrams_forged": datagrams.forged,
        "datagrams_unsent": datagrams.unsent,
        "pieces_given_up": datagrams.pieces_given_up,
    }
