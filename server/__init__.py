"""The control plane: REST API, live stream, scheduler, recorder. PostgreSQL holds the truth."""
