"""Read and write image files, by Pillow and OpenImageIO.

Pillow reads 16-bit colour as 8 bits without a word. That, and the formats of film (EXR, DPX,
Radiance HDR, JPEG 2000), go through OpenImageIO, the extra ``vfx``; everything else goes through
Pillow. What a file is, its first bytes tell; what a file is to be, its suffix.
"""

from propmat.io._formats import check_output as check_output
from propmat.io._picture import Metadata as Metadata
from propmat.io._picture import Picture as Picture
from propmat.io._reading import read as read
from propmat.io._reading import read_image as read_image
from propmat.io._reading import read_matte as read_matte
from propmat.io._reading import read_trimap as read_trimap
from propmat.io._writing import write_image as write_image
from propmat.io._writing import write_images as write_images
