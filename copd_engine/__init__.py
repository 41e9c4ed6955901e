"""The training library of CoPD. It knows no web, no queue and no database."""
