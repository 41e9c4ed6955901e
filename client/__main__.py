"""`python -m client` is the `copd` command."""

from client.cli import main

main()
