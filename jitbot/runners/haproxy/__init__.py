"""HAProxy by its runtime API: one server of a backend is drained, put into maintenance, or made ready again."""
