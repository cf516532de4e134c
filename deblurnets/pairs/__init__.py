"""The two halves of each pair, wrapped as NumPy-in, NumPy-out objects."""
