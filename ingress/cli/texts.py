"""What `ingress COMMAND --help` says about each command."""

from typing import Final

PROGRAM: Final = """\
One SOCKS and HTTP proxy address that takes, for every connection, the best of your paths to the exits, now.

`ingress demo` shows all of it on this machine. A network of your own: write paths.toml, then `ingress check`,
`ingress keys`, `relay serve NODE` on every node, and `ingress serve` here."""

DEMO: Final = """\
Start a whole network on this machine: an ingress, two relays in Japan, two exits in the US, emulated lines with
their distances, and a target. Everything runs in processes of its own, with certificates made on the spot, and is
gone afterwards.

Without COMMAND it prints the proxy address and a live table, and reads what to do from stdin: `cut LINE`,
`heal LINE`, `slow LINE 80ms`, `lose LINE 5%`, `kill NODE`, `download`, `call`, `page`, `quit`; `help` tells all.

With COMMAND it runs that with ALL_PROXY, http_proxy, https_proxy, INGRESS_DEMO_TARGET (a URL whose name only the
exits know), INGRESS_DEMO_TARGET_ADDRESS (the same by address), INGRESS_DEMO_PAGE (of the page) and INGRESS_DEMO_TOKEN
(a file with what its API wants), and ends with its exit code, or with an error if
nothing went through the proxy."""

CHECK: Final = """\
Read the file as `ingress serve` does and print every mistake at once: its line, its key, what is wrong, what to do.
When the folder of keys is here, the certificates are looked at too, and whether an ingress of which they are could
listen. As root it judges for the owner of the file's folder. Without mistakes it prints `ok` with the counts of
nodes, lines and paths, and warnings about what is probably not meant."""

KEYS: Final = """\
Make what is missing: the CA, once, in the folder `ca` beside the folder of keys; and for every node and ingress of
paths.toml a folder NAME with ca.pem, node.pem and node.key. Nothing is overwritten. Copy to each node its own folder
and nothing else; `ca` stays here (keep a copy where nobody else finds it).

Certificates of nodes end after 5 years, `ingress check` warns 30 days before. --renew makes a new key and
certificate for one of them; it is used from the next reload of that node on."""

SERVE: Final = """\
Run the ingress until SIGTERM or SIGINT: the proxy for clients, and warm carriers over every path.

SIGTERM drains: streams may go on for `drain`, then it ends; a second signal ends it at once. SIGHUP and
`ingress reload` read the file, the users and the keys again; a file with mistakes changes nothing.

What it learns of its lines is kept over a restart, in the folder that `state` names in paths.toml; else in the one that
systemd gives, $XDG_STATE_HOME/ingress or ~/.local/state/ingress."""

RELOAD: Final = """\
As SIGHUP does, but with an answer: exit code 0 when the new file is in force, or 1 with its mistakes; then the old
one stays in force."""

PATHS: Final = """\
Ask the running ingress for every path: rank, state, round trip, deviation, late share, streams, bytes, and why it
stands where it stands; below them the lines, and which of them or which node is to blame."""

PAGE: Final = """\
Ask the running ingress for an address of its page (`web` in paths.toml) and print it. Whoever opens it first, within
10 minutes, is let in, with one browser; nobody else can use it then. Keep it to yourself."""

HISTORY: Final = """\
Ask the running ingress what was when. With the name of a path, a line, a node or the ingress: its round trips as a
curve (the median, its spread as a shade), what came late or was lost, when it did not work, for how long and why, and
what happened. Without one: a row for everything, the worst outages, the last events. Times are those of this machine's
clock. The last 48 hours are known by the minute, 400 days by the quarter of an hour."""

USAGE: Final = """\
Ask the running ingress who moved how much: bytes up (from the client) and down, over TCP and as datagrams, streams and
associations. By user (where nobody logs in, the client's address), client, exit, site (kept for 35 days) or day; by
line, what each line carried with all that its seller may count: TLS, and what only measures apart. Numbers are kept by
the hour, for 400 days; the last seconds are in them. Below stands what was used of quotas, of lines and of users, and
when they begin anew."""

USAGE_SET: Final = """\
Have a line with a quota count from what its seller says was used since the period began: of the whole line, also where
several ingresses share it. It counts on from there, and survives a restart."""

RULES: Final = """\
Read paths.toml and the lists that its rules name, and say which [[rule]] a connection to HOST falls under, by which
condition, and what becomes of it. Nothing is looked up and the ingress need not run; rules
with `resolve` are named as what it would look up. Without HOST every rule is
printed, with what its lists hold, how old they are, and what of them has no meaning here."""

USE: Final = """\
Have new connections take an exit, a line, a path, a node, or a group of lines or nodes, as long as any path of it
works; then the choice goes on as ever, and `ingress paths` says so in its first lines. Running connections leave for it
by plan where it leads to their exit, datagrams also for another exit. Rules that name exits or paths stand above
it. It survives a restart.
`ingress use auto` takes back what was asked for without --for, with --for WHO that one, with --all everything.
Without NAME: what is asked for now."""

HOLD: Final = """\
Let LINE carry nothing new, before somebody works on it, say: new connections take other paths, running ones leave it by
plan, datagrams too. Its carriers stay, and it stays measured. What has no other path stays on it. That nothing answers
over it is not blamed meanwhile. It survives a restart and a reload, and ends with `ingress release LINE`, after --for,
or when the line is no longer in the file. Without LINE: what is held now."""

RELEASE: Final = "Let LINE carry new connections again."

ALERT: Final = """\
Send a trial to every receiver that an [[alert]] of paths.toml names, and say how each went. The running ingress sends
it, directly first and then over its own paths; if none runs, it is sent from here, directly. Exit code 1 if one was not
taken."""

USER: Final = """\
Change the file that `users` names in paths.toml (users.toml beside it, if it names none). Passwords are kept hashed.
With --page it is the file that `web_users` names (web-users.toml): who may log in at the page. A running ingress takes
the change at `ingress reload`."""

USER_ADD: Final = """\
Add NAME, or give NAME a new password. The password is asked for twice, or read with --password-stdin.
A name has no colon and no control characters, and like the password at most 255 bytes."""

USER_REMOVE: Final = "Take NAME out: it cannot open connections any more after the next reload."

USER_LIST: Final = "Print the names, one a line."
