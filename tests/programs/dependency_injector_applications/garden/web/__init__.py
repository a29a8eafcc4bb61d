"""The Django application of the garden."""
