"""The compact networks, on tensors; no files."""
