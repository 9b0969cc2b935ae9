"""Runners for AWS: deployments, capacity, instances, commands, memberships, assignments and database parameters."""
