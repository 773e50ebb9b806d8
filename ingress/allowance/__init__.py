"""What somebody may use: pure arithmetic of rates, which are shared fairly among the streams of one owner.

fair            a token bucket, and whose turn it is
"""
