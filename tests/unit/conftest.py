"""What the tests of values and adapters share."""

from tests.servers import a_rude_server, a_server

__all__ = ["a_rude_server", "a_server"]
