"""A local Slack workspace, as strict about Slack's rules as Slack is, for demos, tests and measurements.

It imports nothing of the product: the bot meets it only through Slack's own protocols.
"""
