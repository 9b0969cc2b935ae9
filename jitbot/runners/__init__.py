"""Runners: what does and undoes one kind of action. `registry` finds them, `guard` keeps their promises."""
