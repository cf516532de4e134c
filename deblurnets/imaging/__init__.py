"""What the method computes with: arrays in, arrays out, NumPy and SciPy only."""
