"""The ledger and its boxes over SQLAlchemy Core, on SQLite and on Postgres."""
