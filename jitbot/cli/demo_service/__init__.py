"""A real little service to restart, roll back and be admin of: what `jitbot demo` acts on.

`checkout` is a process that serves a page; a supervisor owns it and can be told what to do over loopback HTTP, by
the http runner directly or by `python -m jitbot.cli.demo_service.ctl` under the command runner.
"""

from jitbot.cli.demo_service.service import DemoService

__all__ = ["DemoService"]
