"""A pool of its own for each test, on the session's Postgres."""

from tests.pooling import pool

__all__ = ["pool"]
