"""Runners that administer a Postgres server: memberships, parameters, logins, backends and single statements."""
