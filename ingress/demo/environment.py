"""What a COMMAND of `ingress demo -- COMMAND` finds in its environment."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ingress.demo.keeper import MARK
from ingress.demo.network import DemoNetwork
from ingress.demo.processes import clean_environment


def command_environment(network: DemoNetwork) -> Mapping[str, str]:
    """Ours, with the demo's proxy and target in it and without what would lead past them; `ingress` and `relay` are
    those that the demo itself runs."""
    socks, http = f"socks5h://{network.proxy}", f"http://{network.proxy}"
    ours = clean_environment()
    return ours | {
        "PATH": os.pathsep.join((os.fspath(Path(sys.executable).parent), ours.get("PATH", os.defpath))),
        "ALL_PROXY": socks,
        "all_proxy": socks,
        "http_proxy": http,
        "HTTP_PROXY": http,
        "https_proxy": http,
        "HTTPS_PROXY": http,
        "INGRESS_DEMO_TARGET": f"http://{network.target}",
        "INGRESS_DEMO_TARGET_ADDRESS": f"http://{network.target_by_address}",
        "INGRESS_DEMO_PROXY": network.proxy,
        "INGRESS_DEMO_PAGE": f"http://{network.page}",
        "INGRESS_DEMO_TOKEN": os.fspath(network.token),
        "INGRESS_DEMO_ADMIN": os.fspath(network.admin),
        "INGRESS_ADMIN": os.fspath(network.admin),
        "INGRESS_DEMO_CONTROL": os.fspath(network.control),
        MARK: os.fspath(network.folder),
    }
