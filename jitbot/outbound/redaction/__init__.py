"""Keeps credentials out of text: values that are known, and what has the form of well-known credentials."""
