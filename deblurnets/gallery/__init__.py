"""A page that shows a run: before and after, kernel and figures of every picture.

Importing it loads neither numpy nor an image library, so that a command line can check the
gallery's folder before the long work.
"""

from deblurnets.gallery.folder import check_gallery_folder
from deblurnets.gallery.writer import GalleryWriter, write_gallery

__all__ = ["GalleryWriter", "check_gallery_folder", "write_gallery"]
