"""GitHub by its REST API: workflows, deployments, memberships in teams, permissions on repositories."""
