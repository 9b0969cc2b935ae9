"""The `jitbot` command. Nothing heavy is imported before a command needs it."""


def main() -> None:
    """Run the command line."""
    from jitbot.cli.app import run

    run()
