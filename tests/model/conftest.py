"""Towns on SQLite files that are copied, as for the acceptance tests."""

from tests.acceptance.conftest import make_town

__all__ = ["make_town"]
