"""What was used of quotas, and when they begin anew. Pure: bytes and the wall clock in, sums and states out.

period          which day or month a moment is in, by the clocks of a zone
tally           what was counted in the running period, as the seller counts
rates           rates of five minutes, and their 95th percentile
tallies         those that are kept over a restart, by whose they are
lines           the lines with a quota: which are near it, which have used it
"""
