"""Conditions: the expression language behind `when:`, its names and types, and what is checked at load."""
