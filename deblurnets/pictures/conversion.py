"""What of a picture's metadata goes into a file of another format."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from deblurnets.pictures.formats import WEBP, PictureFormat
from deblurnets.pictures.picture import Picture

_KINDS = {"exif": "EXIF data", "xmp": "XMP data", "iptc": "IPTC data", "icc": "colour profile"}
_PRIVATE = ("exif", "xmp", "iptc")


def fit_metadata(
    picture: Picture, picture_format: PictureFormat, strip_metadata: bool = False
) -> Picture:
    """Leave out the metadata that a format cannot hold or that the user does not want.

    Parameters
    ----------
    picture : Picture
        A picture as it was read.
    picture_format : PictureFormat
        The format of the result.
    strip_metadata : bool
        Leave out EXIF, XMP and IPTC in any format.

    Returns
    -------
    Picture
        With a note on what was lost against the user's will.
    """
    present = {kind for kind in map(_kind, picture.metadata) if kind is not None}
    left_out = set(_PRIVATE if strip_metadata else ())
    lost = {kind for kind in present - left_out if kind not in picture_format.metadata}
    notes = picture.notes
    if lost:
        names = " and ".join(name for kind, name in _KINDS.items() if kind in lost)
        notes += (f"{picture_format.name} files hold no {names}, left out",)
    # WebP pictures are always RGB, and a grey profile says nothing about them.
    if picture_format is WEBP and _has_grey_profile(picture):
        lost.add("icc")
        notes += ("WebP files hold no grey colour profile, left out",)
    left_out |= lost
    metadata = {name: v for name, v in picture.metadata.items() if _kind(name) not in left_out}
    return replace(picture, metadata=metadata, notes=notes)


def _kind(name: str) -> Optional[str]:
    """Return the kind of metadata that a libvips field belongs to."""
    kind = name.split("-")[0]
    return kind if kind in _KINDS else None


def _has_grey_profile(picture: Picture) -> bool:
    profile = picture.metadata.get("icc-profile-data", b"")
    return isinstance(profile, bytes) and profile[16:20] == b"GRAY"
