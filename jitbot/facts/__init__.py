"""Facts: what other systems know, read when something is decided. Each source is a plugin (`jitbot.facts`)."""
