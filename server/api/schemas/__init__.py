"""What the API answers: the contract of page, client and scripts. Times are UTC, ISO 8601; durations are seconds."""
