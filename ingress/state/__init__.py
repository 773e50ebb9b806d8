"""What an ingress keeps over a restart: one SQLite file in its state folder, with one writer.

    place           which folder and which file
    schema          the tables, and the steps from one version of them to the next
    file            the file itself, opened, written to and set aside when it is damaged: plain calls, for a thread
    keeper          the task that opens it off the loop, hands out what it has, and writes news in batches
    capacities      what lines were seen to deliver: one part of it
    usage           who moved how much over what: another

A part that is kept is a `Part` (keeper.py): what it reads, what it writes. Nothing here is needed to carry bytes:
without the file, or with a full disk, an ingress works as one that has just been set up.
"""
