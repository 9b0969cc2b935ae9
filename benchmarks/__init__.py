"""What jitbot costs, measured against the least that could do the same, on the same machine in the same run."""
