"""HTTP: Slack's signed endpoint."""
