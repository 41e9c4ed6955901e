"""Telling other systems what happens to runs: signed messages to their URLs, queued in PostgreSQL by the transaction they tell of."""
