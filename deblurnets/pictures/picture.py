"""A picture in memory, with what is needed to write it back in kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple, Union

import numpy as np

from deblurnets.pictures.formats import PNG, PictureFormat


class ImageError(Exception):
    """A picture file that cannot be read or written.

    Attributes
    ----------
    path : str
        The file.
    reason : str
        One clause that says what is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class CodecError(Exception):
    """Bytes that cannot be decoded or pixels that cannot be encoded, in one clause."""


@dataclass(frozen=True)
class SaveOptions:
    """How result files are written.

    Attributes
    ----------
    quality : int, optional
        1..100, for JPEG and WebP; None writes JPEG at 95, and WebP at 95 or without losses.
    strip_metadata : bool
        Leave out EXIF, XMP and IPTC. The colour profile stays: the colours need it.
    """

    quality: Optional[int] = None
    strip_metadata: bool = False


PLAIN_SAVE = SaveOptions()


@dataclass(frozen=True, eq=False)
class Picture:
    """Upright pixels of one picture and what belongs to them.

    Attributes
    ----------
    pixels : ndarray
        (H, W) grey or (H, W, 3) RGB, uint8 (0..255), uint16 (0..65535) or float32 (0..1),
        gamma-encoded as in the file.
    alpha : ndarray, optional
        (H, W) of the same dtype: the file's alpha channel.
    metadata : dict
        EXIF, XMP, IPTC and ICC fields under their libvips names, orientation left out because
        the pixels are upright already.
    resolution : tuple of float, optional
        Horizontal and vertical pixels per millimetre.
    source_format : PictureFormat
        The format of the file the picture was read from.
    named_format : PictureFormat, optional
        The format that the file's name promised.
    lossless : bool
        False if the file was compressed with losses; a format with both modes (WebP) is then
        written with losses as well.
    notes : tuple of str
        What a reader of the result should know, one clause each ("first of 3 pages").
    """

    pixels: np.ndarray
    alpha: Optional[np.ndarray] = None
    metadata: Dict[str, Union[str, bytes]] = field(default_factory=dict)
    resolution: Optional[Tuple[float, float]] = None
    source_format: PictureFormat = PNG
    named_format: Optional[PictureFormat] = None
    lossless: bool = True
    notes: Tuple[str, ...] = ()

    def __post_init__(self) -> None:
        pixels, alpha = self.pixels, self.alpha
        if pixels.dtype not in (np.uint8, np.uint16, np.float32):
            raise ValueError(f"pixels must be uint8, uint16 or float32, received {pixels.dtype}")
        if pixels.ndim != 2 and pixels.shape[2:] != (3,):
            raise ValueError(f"pixels must have shape (H, W) or (H, W, 3), received {pixels.shape}")
        if alpha is not None and (alpha.shape != pixels.shape[:2] or alpha.dtype != pixels.dtype):
            raise ValueError(
                f"alpha must have shape {pixels.shape[:2]} and dtype {pixels.dtype} as the pixels, "
                f"received {alpha.shape} and {alpha.dtype}"
            )

    @property
    def depth(self) -> int:
        """Bits a sample: 8, 16 or (floating numbers) 32."""
        return 8 * self.pixels.dtype.itemsize

    def bands(self) -> np.ndarray:
        """Return pixels and alpha as one contiguous (H, W, 1 to 4) array."""
        planes = [np.atleast_3d(self.pixels)]
        if self.alpha is not None:
            planes.append(self.alpha[:, :, None])
        return np.ascontiguousarray(np.concatenate(planes, axis=2))


def check_pixels(width: int, height: int, max_pixels: Optional[int]) -> None:
    """Refuse a picture by its header, before memory is taken for it.

    Raises
    ------
    CodecError
        If it has more pixels than allowed (None: no limit).
    """
    if max_pixels is not None and width * height > max_pixels:
        raise CodecError(
            f"it has {width}x{height} pixels, at most {max_pixels} are taken (see --max_pixels)"
        )


def split_bands(bands: np.ndarray) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Split an (H, W, 1 to 4) array into pixels and alpha (None when there is none)."""
    count = bands.shape[2]
    colours = 1 if count < 3 else 3
    pixels = bands[:, :, 0] if colours == 1 else bands[:, :, :3]
    alpha = np.ascontiguousarray(bands[:, :, -1]) if count > colours else None
    return np.ascontiguousarray(pixels), alpha
