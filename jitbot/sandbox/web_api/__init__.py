"""Slack's Web API: one module for each family of methods, each ending in its table."""
