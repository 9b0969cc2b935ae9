"""What wakes jitbot up: APScheduler's ticks and the in-process work queue. All truth stays in the ledger."""
