"""Three walks through the code, traced: the files that one event touches, its calls, and its changes of file.

It is a measure of reading, not of speed: whoever follows a CONNECT, a pong or a rescue opens these files and turns this
often from one to another. What makes the walks shorter makes the code easier to follow.
"""
