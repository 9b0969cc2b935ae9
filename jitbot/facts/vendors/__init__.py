"""Sources that ask the systems of vendors: who is on call there, what is open there, what a ticket says."""
