"""Run by the Python that has libtorrent: `torrent.py FOLDER PROXY_PORT`. One session has a file, the other takes it by
uTP through the SOCKS5 proxy, with no TCP between them; ends well when it is whole."""

import os
import sys
from time import perf_counter

import libtorrent

SIZE = 400_000
PATIENCE = 60.0
QUIET = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_tcp": False,
    "enable_outgoing_tcp": False,
    "listen_interfaces": "127.0.0.1:0",
}


def described(file: str) -> libtorrent.torrent_info:
    files = libtorrent.file_storage()
    libtorrent.add_files(files, file)
    made = libtorrent.create_torrent(files)
    libtorrent.set_piece_hashes(made, os.path.dirname(file))
    return libtorrent.torrent_info(libtorrent.bencode(made.generate()))


def main(folder: str, proxy_port: int) -> None:
    here, there = os.path.join(folder, "here"), os.path.join(folder, "there")
    os.makedirs(here)
    with open(os.path.join(here, "file"), "wb") as file:
        file.write(os.urandom(SIZE))
    info = described(os.path.join(here, "file"))
    proxy = {
        "proxy_type": libtorrent.proxy_type_t.socks5,
        "proxy_hostname": "127.0.0.1",
        "proxy_port": proxy_port,
        "proxy_peer_connections": True,
    }
    giving, taking = libtorrent.session(QUIET), libtorrent.session({**QUIET, **proxy})
    giving.add_torrent({"ti": info, "save_path": here, "flags": libtorrent.torrent_flags.seed_mode})
    taken = taking.add_torrent({"ti": info, "save_path": there})
    end, asked = perf_counter() + PATIENCE, 0.0
    while not taken.status().is_seeding and perf_counter() < end:
        if perf_counter() - asked > 2.0:
            taken.connect_peer(("127.0.0.1", giving.listen_port()))
            asked = perf_counter()
        taking.wait_for_alert(50)
        taking.pop_alerts()
    os._exit(not taken.status().is_seeding)  # its threads would take seconds to end


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
