"""Kernels with the faults of an estimate."""

import numpy as np
import pytest

from deblurnets.simulation.kernel_errors import perturb_kernel
from deblurnets.simulation.trajectory import random_shake


def test_perturbed_kernels_are_kernels_further_off_with_strength():
    distances = []
    for strength in (0.0, 0.3, 1.0):
        rng, total = np.random.RandomState(0), 0.0
        for _ in range(20):
            kernel = random_shake(rng, 33, (8, 25))
            faulty = perturb_kernel(kernel, rng, strength)
            assert faulty.min() >= 0
            assert faulty.sum() == pytest.approx(1, abs=1e-4)
            total += np.abs(faulty - kernel).sum()
        distances.append(total)
    assert distances[0] == 0
    assert distances[0] < distances[1] < distances[2]
