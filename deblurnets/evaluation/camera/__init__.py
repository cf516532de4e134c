"""The benchmark of the simulated camera: each factor alone at three strengths, and all together."""
