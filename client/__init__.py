"""The Python client, the `copd` command, and the embedded stack it starts."""
