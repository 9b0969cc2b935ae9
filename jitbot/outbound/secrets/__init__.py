"""Secrets by name: the stores they are read from, and the one list of them that runners and facts ask."""
