"""Picture files: reading, writing, depth, alpha, metadata; files of kernels."""
