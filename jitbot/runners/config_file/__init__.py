"""Configuration files on this machine: one key is set, and everything else in the file stays as it was written."""
