"""The recorder: from the runs' streams into PostgreSQL, every event once, whatever is killed.

service   the loop: which streams are followed, reading, waiting out a Redis that is away
batch     what a number of events amounts to (pure)
writer    one batch and the new stream position in one transaction
backfill  what a stream lost, from the attempts' own files
trim      keeps streams no longer than viewers need to catch up
"""
