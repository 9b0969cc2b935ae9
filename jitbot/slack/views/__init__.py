"""What people see: pure functions from the model to blocks and the same story as text."""
