"""Read and write image files, with Pillow and OpenImageIO.

Pillow reduces 16-bit colour to 8 bits without a warning. Such files, and the formats of film (EXR, DPX, Radiance HDR,
JPEG 2000), are read and written with OpenImageIO, the extra ``vfx``; everything else with Pillow. The format of a file
that is read is detected from its first bytes; that of a file that is written from its suffix.
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
