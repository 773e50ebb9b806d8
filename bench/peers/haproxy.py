"""HAProxy, as it is used to chain nodes: TCP forwarding, plain or with TLS from hop to hop (readable at every hop)."""

from bench.peers.peer import Peer, first_line
from bench.processes import Command
from bench.topology import HOST, Place

CONFIG = """global
  maxconn 5000
defaults
  mode tcp
  maxconn 5000
  timeout connect 5s
  timeout client 5m
  timeout server 5m
  {option}
listen way
  bind {host}:{port} {bind}
  server next {next} {server}
"""


class HaproxyForward(Peer):
    """One process that splices: the least a forwarder costs."""

    name, program, speaks = "haproxy plain", "haproxy", "direct"
    hops: int | None = 0
    how = "forwards to the target, one process, no TLS"

    def commands(self, at: Place) -> list[Command]:
        text = CONFIG.format(option="option splice-auto", host=HOST, port=at.socks, bind="", next=at.target, server="")
        return [Command("ingress", [self.path(), "-db", "-q", "-f", at.write("forward.cfg", text)])]

    def version(self) -> str:
        return first_line(self.path(), "-v").partition(" - ")[0]


class HaproxyTls(HaproxyForward):
    """TLS 1.3 from each node to the next, sessions resumed, a new chain of TLS connections for each client."""

    name, hops = "haproxy tls", None
    how = "forwards, TLS hop by hop: decrypted and encrypted at every node"

    def commands(self, at: Place) -> list[Command]:
        nodes = [("ingress", HOST, at.socks), *((hop.role, hop.host, hop.port) for hop in at.hops)]
        onward = [*(f"{hop.host}:{hop.entry}" for hop in at.hops), at.target]
        made = []
        for (role, host, port), following in zip(nodes, onward, strict=True):
            text = CONFIG.format(
                option="",
                host=host,
                port=port,
                bind="" if role == "ingress" else f"ssl crt {at.certificate.both}",
                next=following,
                server="" if role == "exit" else "ssl verify none",
            )
            made.append(Command(role, [self.path(), "-db", "-q", "-f", at.write(f"{role}.cfg", text)]))
        return made
