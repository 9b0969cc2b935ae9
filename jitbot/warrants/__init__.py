"""Warrants: signed permission for one act, and what is checked before anybody acts on it (docs/adr/0034).

The service signs one for each start, extension and undo. Whoever has the runner, a worker of a pool or the service
itself, goes through one gate: signature, pool, worker, digest, time, the ceiling of the machine, and spent once.
"""
