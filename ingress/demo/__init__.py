"""`ingress demo`: a whole network on this machine, out of the public commands, with lines that behave like real ones.

It writes files and starts processes, nothing else: what it shows is what the commands do.
"""

from argparse import Namespace


def run(options: Namespace) -> int:
    """Run the demo, or COMMAND inside it (`options.command`, empty for none); gives the exit code."""
    import trio

    from ingress.demo.session import run_session

    return trio.run(run_session, list(options.command))
