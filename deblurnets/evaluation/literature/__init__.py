"""The benchmarks of the literature, read from the archives as their authors publish them."""
