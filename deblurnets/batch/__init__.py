"""Many files: what is read and written, in which order, and what became of it."""
