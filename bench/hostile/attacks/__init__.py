"""The attacks, one attacker a file."""

from bench.hostile.attacks.attack import Attack
from bench.hostile.attacks.client import CLIENT
from bench.hostile.attacks.exit import EXIT
from bench.hostile.attacks.handshakes import HANDSHAKES
from bench.hostile.attacks.origin import ORIGIN
from bench.hostile.attacks.relay import RELAY
from bench.hostile.attacks.strangers import STRANGERS
from bench.hostile.attacks.thief import THIEF

ATTACKS: tuple[Attack, ...] = (STRANGERS, HANDSHAKES, CLIENT, ORIGIN, RELAY, EXIT, THIEF)
