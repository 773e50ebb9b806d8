"""What was when: for every path, line and node, and for the ingress as a whole, a record a minute; outages; events.

    record     what is kept of one of them for one span, and several spans as one
    sheet      the records of all for one span, and those of one for a day, as bytes
    gather     one of them in the present minute
    watch      what is read off the measurement, round by round
    outages    from when to when something did not work, and why
    reasons    why something did not work, as it is kept
    happened   the events that are kept, and those that wait to be written
    said       what an event says, as a sentence

Pure: who runs it hands in what is known and the time, and writes what `Watcher.take` gives (ingress/state/history.py).
Moments are seconds since 1970: minutes, quarters of an hour and days are counted from there, so no time zone matters.
"""
