"""Kubernetes for tests: a small server that answers as a kube-apiserver does, a real one, and what acts beside both."""
