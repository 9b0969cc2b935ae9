"""Argo CD by its HTTP API: an application is synced, or rolled back to what it was."""
