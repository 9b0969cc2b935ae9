"""`python -m jitbot` is the `jitbot` command."""

from jitbot.cli import main

main()
