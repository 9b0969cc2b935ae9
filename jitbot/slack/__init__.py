"""Slack: what people do there becomes deliveries, and what the ledger says becomes messages."""
