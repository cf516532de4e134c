"""Windowed circular cross-correlation of every pair of maps, exact and in blocks.

The paper's analysis network wants, for 32 maps and all 528 pairs of them, the correlation at shifts
of a few dozen pixels only. Transforming whole planes back for 528 pairs costs memory and time that
grow with the picture and then throws nearly all of it away. Here the maps are cut into blocks:

- a *core* block of `block` pixels from one map and the *extended* block around it from the other,
  `max_shift` wider on each side (circularly), hold all products that the core contributes to;
- at transform size ``block + 2 * max_shift`` their circular correlation does not alias within the
  window, so the cross-spectra of all blocks add up, and one inverse transform serves them all.

The transforms are products with small Fourier matrices rather than FFTs. At these sizes they cost
about as much, they are fast in every TensorFlow (the FFT of 2.3 is slow) and on a GPU, the zeros of
the cores and the unwanted rows of the window are never computed, and the layout (frequency outside,
maps inside) is the one the batched products of the cross-spectra want: nothing is transposed.

Frequencies are treated in chunks and blocks in groups, one after the other, so the memory needed
beside the maps themselves does not depend on their size.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from deblurnets import backend
from deblurnets.backend import ops

Tensor = Any

# Largest array made on the way, in float32 numbers. Above 32 MiB the C library's allocator returns
# memory at once and every use pays for fresh pages.
_BUDGET = 6 * 2**20


class FourierMatrices(NamedTuple):
    """Constants of a blocked correlation; all float32, spectra split in real and imaginary rows.

    Attributes
    ----------
    rows : (chunks, 2 f, size)
        Vertical transform to the half spectrum, `f` frequencies a chunk.
    columns : (2 size, 2 size)
        Horizontal transform of complex rows.
    window_columns : (2 window, 2 size)
        Horizontal inverse, window only.
    window_rows : (chunks, window, 2 f)
        Vertical inverse, window only, with the half spectrum's weights and the normalisation.
    """

    rows: np.ndarray
    columns: np.ndarray
    window_columns: np.ndarray
    window_rows: np.ndarray


def fourier_matrices(size: int, window: int, per_chunk: int) -> FourierMatrices:
    """Fourier matrices for transforms of `size` and the first `window` lags of their inverse."""
    step = 2 * np.pi / size
    half = np.arange(size // 2 + 1)
    full = np.arange(size)
    lags = np.arange(window)
    chunks = -(-half.size // per_chunk)

    angle = step * np.outer(half, full)
    rows = np.stack([np.cos(angle), -np.sin(angle)], axis=1)
    angle = step * np.outer(full, full)
    columns = _complex_product(np.cos(angle), -np.sin(angle))
    angle = step * np.outer(lags, full)
    window_columns = _complex_product(np.cos(angle), np.sin(angle))
    # Rows (frequency, part) of the forward transform meet columns (frequency, part) here.
    window_columns = window_columns.transpose(1, 0, 3, 2)
    angle = step * np.outer(lags, half)
    weight = np.where((half == 0) | (2 * half == size), 1.0, 2.0) / size**2
    window_rows = np.stack([weight * np.cos(angle), -weight * np.sin(angle)], axis=2)

    # The last chunk is filled up with frequencies that have no weight.
    missing = chunks * per_chunk - half.size
    rows = np.pad(rows, [(0, missing), (0, 0), (0, 0)], mode="constant")
    window_rows = np.pad(window_rows, [(0, 0), (0, missing), (0, 0)], mode="constant")
    window_rows = window_rows.reshape(window, chunks, 2 * per_chunk).transpose(1, 0, 2)
    return FourierMatrices(
        rows=rows.reshape(chunks, 2 * per_chunk, size).astype(np.float32),
        columns=columns.reshape(2 * size, 2 * size).astype(np.float32),
        window_columns=window_columns.reshape(2 * window, 2 * size).astype(np.float32),
        window_rows=window_rows.astype(np.float32),
    )


def _complex_product(real: np.ndarray, imaginary: np.ndarray) -> np.ndarray:
    """Complex (m, n) matrix as a real one: (m, part of the result, part of the operand, n)."""
    first = np.stack([real, -imaginary], axis=1)
    return np.stack([first, np.stack([imaginary, real], axis=1)], axis=1)


def cross_correlation(maps: Tensor, max_shift: int, block: int = 0) -> Tensor:
    """Circular cross-correlation of all pairs of maps at shifts up to `max_shift`.

    For maps f_i and f_j, i <= j, and a shift s in [-max_shift, max_shift]^2::

        c_ij[s] = sum_p f_i[p + s] f_j[p]

    with p + s taken modulo the size of the maps.

    Parameters
    ----------
    maps : tensor, (batch, height, width, channels)
        Real maps of any size; sizes may be unknown until run time.
    max_shift : int
        Largest shift, 0 or more.
    block : int
        Edge of the core blocks; by default twice `max_shift`, where the work per pixel is least.

    Returns
    -------
    tensor, float32, (batch, 2 max_shift + 1, 2 max_shift + 1, channels (channels + 1) / 2)
        Pairs in the order (0, 0), (0, 1), ... (0, n), (1, 1), (1, 2), ...; shift 0 in the middle.
    """
    block = block or max(2 * max_shift, 8)
    size, window = block + 2 * max_shift, 2 * max_shift + 1
    channels = maps.shape[-1]
    pairs = channels * (channels + 1) // 2
    per_chunk = min(size // 2 + 1, max(1, _BUDGET // (2 * size * channels**2)))
    matrices = fourier_matrices(size, window, per_chunk)
    blocks = _Blocks(maps, max_shift, block, max_group=max(1, _BUDGET // (size**2 * channels)))
    batch = ops.shape(maps)[0]

    def add_chunk(chunk: Any, result: Tensor) -> Tensor:
        rows = _constant(matrices.rows, chunk)

        def add_group(group: Any, total: Tensor) -> Tensor:
            return total + _cross_spectra(blocks, group, rows, matrices.columns)

        zeros = ops.zeros((batch, per_chunk, size, 2 * channels, channels), dtype="float32")
        spectra = backend.repeat(blocks.groups, add_group, zeros)
        spectra = ops.reshape(spectra, (batch, per_chunk, 2 * size, channels**2))
        lines = ops.matmul(_constant(matrices.window_columns), spectra)
        lines = ops.take(lines, _pair_columns(channels), axis=-1)
        lines = ops.reshape(lines, (batch, 2 * per_chunk, window * pairs))
        return result + ops.matmul(_constant(matrices.window_rows, chunk), lines)

    start = ops.zeros((batch, window, window * pairs), dtype="float32")
    result = backend.repeat(len(matrices.rows), add_chunk, start)
    return ops.reshape(result, (batch, window, window, pairs))


def _constant(matrix: np.ndarray, index: Any = None) -> Tensor:
    matrix = ops.convert_to_tensor(matrix)
    return matrix if index is None else ops.take(matrix, index, axis=0)


def _pair_columns(channels: int) -> np.ndarray:
    """Columns (j, i) of the full product, flattened, for the pairs i <= j in their order."""
    first, second = np.triu_indices(channels)
    return (second * channels + first).astype(np.int32)


class _Blocks:
    """Cuts core and extended blocks out of maps, a group of them at a time."""

    def __init__(self, maps: Tensor, max_shift: int, block: int, max_group: int):
        batch, self.height, self.width, self.channels = ops.shape(maps)
        self.flat = ops.reshape(maps, (batch, self.height * self.width, self.channels))
        self.block, self.max_shift = block, max_shift
        self.across = -(-self.width // block)
        count = -(-self.height // block) * self.across
        self.groups = -(-count // max_group)
        self.group_size = -(-count // self.groups)

    def cores(self, group: Any) -> Tensor:
        """Core blocks, zero outside of the maps: (batch, block, block, group, channels)."""
        top, left = self._corners(group)
        inside = ops.arange(0, self.block, dtype="int32")[:, None]
        y, x = top + inside, left + inside
        within = ops.logical_and((y < self.height)[:, None], (x < self.width)[None])
        y, x = ops.minimum(y, self.height - 1), ops.minimum(x, self.width - 1)
        cores = ops.take(self.flat, y[:, None] * self.width + x[None], axis=1)
        return cores * ops.cast(within, cores.dtype)[..., None]

    def extended(self, group: Any) -> Tensor:
        """Blocks with circular surroundings: (batch, size, size, group, channels)."""
        top, left = self._corners(group)
        around = ops.arange(-self.max_shift, self.block + self.max_shift, dtype="int32")[:, None]
        y, x = (top + around) % self.height, (left + around) % self.width
        return ops.take(self.flat, y[:, None] * self.width + x[None], axis=1)

    def _corners(self, group: Any) -> Any:
        number = group * self.group_size + ops.arange(0, self.group_size, dtype="int32")
        return (number // self.across) * self.block, (number % self.across) * self.block


def _cross_spectra(blocks: _Blocks, group: Any, rows: Tensor, columns: np.ndarray) -> Tensor:
    """Sum over a group of blocks of F_i conj(F_j): (batch, f, size, part and j, i)."""
    extended = _spectra(blocks.extended(group), rows, columns)
    cores = _spectra(blocks.cores(group), rows, columns)
    # Rows are (part, block). The real part of F_i conj(F_j) pairs equal parts; the imaginary part
    # pairs the imaginary part of i with the real one of j, minus the other way round.
    real, imaginary = ops.split(cores, 2, axis=3)
    turned = ops.concatenate([-imaginary, real], axis=3)
    return backend.matmul_tn(ops.concatenate([cores, turned], axis=4), extended)


def _spectra(blocks: Tensor, rows: Tensor, columns: np.ndarray) -> Tensor:
    """Transform blocks (batch, n, n, group, c) to (batch, f, size, 2 group, c), parts in rows.

    Blocks smaller than the transform count as filled up with zeros.
    """
    batch, edge, _, group, channels = ops.shape(blocks)
    size = columns.shape[0] // 2
    lines = ops.matmul(rows[:, :edge], ops.reshape(blocks, (batch, edge, edge * group * channels)))
    lines = ops.reshape(lines, (batch, rows.shape[0] // 2, 2 * edge, group * channels))
    columns = columns.reshape(2 * size, 2, size)[:, :, :edge].reshape(2 * size, 2 * edge)
    spectra = ops.matmul(_constant(columns), lines)
    return ops.reshape(spectra, (batch, rows.shape[0] // 2, size, 2 * group, channels))
