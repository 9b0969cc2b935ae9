"""Worker pools: runners that run elsewhere, on workers that hold the credentials and reach nothing but their queue.

The service stays the owner of the truth: it decides, claims, waits and writes down. What crosses to a pool are single
calls on a runner, as rows in a schema of the pool's own; procrastinate only wakes the workers (docs/adr/0029).
"""
