"""Advice on policies that load and still may not say what was meant: `jitbot policy check`."""
