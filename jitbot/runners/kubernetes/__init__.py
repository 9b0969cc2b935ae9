"""Kubernetes by its API: workloads are restarted, rolled back and scaled, nodes drained, roles given for a time.

Its library is an extra, since most who run jitbot have no cluster; whoever allows these runners without it is told.
"""

from importlib.util import find_spec

if find_spec("lightkube") is None:
    raise ModuleNotFoundError("the runners for Kubernetes need lightkube: pip install 'jitbot[kubernetes]'")
