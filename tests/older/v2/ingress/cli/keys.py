"""`ingress keys`: makes what is missing, or renews one."""

import argparse
import datetime

from ingress.config import read_file
from ingress.keys import ca_folder, make_keys
from relay.config.mistakes import nearest
from relay.identity import KeysError


def run(options: argparse.Namespace) -> int:
    """Print each file that was written."""
    network = read_file(options.config).network
    names = (*network.ingresses, *network.nodes)
    if options.renew is not None and options.renew not in names:
        raise KeysError(f'there is no node or ingress "{options.renew}" in the file; {nearest(options.renew, names)}')
    now = datetime.datetime.now(datetime.UTC)
    written = make_keys(options.keys, network.ingresses, tuple(network.nodes), now, options.renew)
    for path in written:
        print(path)
    if not written:
        print(f"nothing is missing: {len(names)} folders in {options.keys}, the CA in {ca_folder(options.keys)}")
    return 0
