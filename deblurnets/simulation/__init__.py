"""Cameras that shake: paths, rotations, noise, JPEG, and kernels with faults."""
