"""The embedded stack: PostgreSQL and Valkey from pip wheels, the server's processes and the workers, under one supervisor."""
