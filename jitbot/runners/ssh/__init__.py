"""Runners over SSH: units of systemd, single commands, and certificates that end by themselves."""
