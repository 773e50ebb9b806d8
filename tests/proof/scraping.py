"""Inside a demo: a real Prometheus scrapes it, a line is cut, and the alert fires; healed, it is over.

Beside that: promtool has nothing to say against the metrics, every rule is evaluated, and every expression of the
dashboard is one that Prometheus understands.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DEPLOY = Path(__file__).parents[2] / "deploy"
LINE = "ix-dmit"
PATIENCE = 180.0
OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
VARIABLES = {"$instance": ".*", "$__rate_interval": "1m"}
NOT_YET = ("ingress_node_refusals_total", "ingress_line_loss_ratio", "ingress_path_datagram", "ingress_bound_reached")
"""What a demo that has just begun has no samples of."""


def main() -> int:
    """0 if all is as it has to be; what is not is told."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        _configure(Path(folder))
        started = subprocess.Popen(_command(Path(folder), port), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            _prove(Prometheus(port))
        finally:
            started.terminate()
            _, said = started.communicate(timeout=30)
        print(f"proof: metrics: LineDown fired for {LINE}, and was over when it was healed")
        return 0 if b"panic" not in said else 1


def _prove(prometheus: "Prometheus") -> None:
    with urllib.request.urlopen(os.environ["INGRESS_DEMO_TARGET"] + "/", timeout=30) as answer:
        answer.read()  # over the proxy of the environment: a stream that is counted
    _lint()
    _wait("a first scrape", lambda: prometheus.value('up{job="ingress"}') == 1.0)
    _wait("all paths up", lambda: prometheus.value('min(ingress_path_state{state="up"})') == 1.0)
    _order(f"cut {LINE}")
    cut = time.monotonic()
    _wait(f"{LINE} down", lambda: prometheus.value(f'ingress_line_state{{line="{LINE}",state="up"}}') == 0.0)
    print(f"proof: metrics: {LINE} was seen to be down {time.monotonic() - cut:.1f} s after it was cut")
    _wait("the alert LineDown", lambda: ("LineDown", LINE) in prometheus.firing())
    _look_at_rules(prometheus)
    _look_at_dashboard(prometheus)
    _order(f"heal {LINE}")
    _wait("the end of the alert", lambda: not prometheus.firing())


class Prometheus:
    """The one that listens at *port*."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}/api/v1/"

    def ask(self, what: str, **query: str) -> Any:
        """The data of an answer; None while nothing listens yet."""
        try:
            with OPEN(f"{self._base}{what}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise SystemExit(f"proof: {what} {query}: {error.read().decode()}") from error
        except OSError:
            return None

    def query(self, expression: str) -> list[Any]:
        """What it finds."""
        found = self.ask("query", query=expression)
        return [] if found is None else list(found["result"])

    def value(self, expression: str) -> float | None:
        """The only value that it finds."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if len(found) == 1 else None

    def firing(self) -> set[tuple[str, str]]:
        """The alerts that fire, with the line that they are about."""
        alerts = (self.ask("alerts") or {"alerts": []})["alerts"]
        return {
            (one["labels"]["alertname"], one["labels"].get("line", "")) for one in alerts if one["state"] == "firing"
        }


def _look_at_rules(prometheus: Prometheus) -> None:
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    wrong = [f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] != "ok"]
    if wrong or len(rules) < 10:
        raise SystemExit(f"proof: rules that are not evaluated: {wrong or len(rules)}")
    print(f"proof: metrics: {len(rules)} rules are evaluated")


def _look_at_dashboard(prometheus: Prometheus) -> None:
    expressions = list(_expressions())
    empty = [one for one in expressions if not prometheus.query(one) and not any(name in one for name in NOT_YET)]
    empty = [one for one in empty if "_lost_total" not in one and "_pause_" not in one]  # once one is lost or rescued
    if empty:
        raise SystemExit("proof: nothing is found by: " + "\n".join(empty))
    print(f"proof: metrics: {len(expressions)} expressions of the dashboard find what they ask for")


def _expressions() -> Iterator[str]:
    for panel in json.loads((DEPLOY / "grafana.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            found = target["expr"]
            for name, value in VARIABLES.items():
                found = found.replace(name, value)
            yield found


def _configure(folder: Path) -> None:
    page = os.environ["INGRESS_DEMO_PAGE"].removeprefix("http://")
    (folder / "prometheus.yml").write_text(
        f"""
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: [{DEPLOY / "prometheus-rules.yml"}]
scrape_configs:
  - job_name: ingress
    authorization: {{ credentials_file: {os.environ["INGRESS_DEMO_TOKEN"]} }}
    static_configs: [{{ targets: ["{page}"] }}]
"""
    )


def _command(folder: Path, port: int) -> list[str]:
    return [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def _lint() -> None:
    """promtool's own opinion of the metrics."""
    token = Path(os.environ["INGRESS_DEMO_TOKEN"]).read_text().strip()
    request = urllib.request.Request(os.environ["INGRESS_DEMO_PAGE"] + "/metrics")
    request.add_header("Authorization", f"Bearer {token}")
    with OPEN(request, timeout=30) as answer:
        text = answer.read()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"proof: promtool check metrics: {(done.stdout + done.stderr).decode()}")
    print(f"proof: metrics: promtool finds nothing wrong in {text.count(bytes([10]))} lines")


def _order(what: str) -> None:
    """Have the demo do it."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(os.environ["INGRESS_DEMO_CONTROL"])
        sock.sendall(what.encode() + b"\n")
        sock.recv(1000)


def _wait(what: str, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"proof: no sign of {what} within {PATIENCE:.0f} s")
        time.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
