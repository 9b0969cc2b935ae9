"""Towns on SQLite files that are copied, as for the acceptance tests."""

from tests.acceptance.conftest import empty_file, make_town

__all__ = ["empty_file", "make_town"]
