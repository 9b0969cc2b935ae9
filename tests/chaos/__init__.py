"""The kill test: a real bot is killed again and again while people work with it, and held to what was promised.

`make chaos` runs it. One local Slack, one far side on which runners act, and one database stay up over all kills.
"""
