"""Cut an object out with a network of rembg, and what propmat adds: its soft mask refined, and colours estimated.

    python examples/with_rembg.py                                       the flower, with a drawn mask
    python examples/with_rembg.py --image photo.jpg --model u2net       a network that rembg downloads

Writes a cut-out for each mode, and with_rembg.png, a sheet of all.
"""

import argparse
import io
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

import propmat.rembg
from propmat import pictures
from propmat.io import read, write_image

MODES = ("colours", "matte", "refine")


class DrawnMask:
    """In place of a network: a blurred mask, whose edge is in the middle of the unknown band of a trimap."""

    def __init__(self, trimap):
        self.inside = distance_transform_edt(trimap < 1) <= distance_transform_edt(trimap > 0)

    def predict(self, image):
        return [gaussian_filter(1.0 * self.inside, 2)]


def flower(shape=None):
    """The content of a file, and a session for it."""
    sample = propmat.datasets.synthetic(0, shape) if shape else propmat.datasets.flower()
    file = io.BytesIO()
    write_image(file, sample.image)
    return file.getvalue(), DrawnMask(sample.trimap)


def main(folder, content, session):
    """Cut-outs of all modes, in files; the shares of pixels that are neither opaque nor transparent."""
    mixed, sheet = {}, {}
    for mode in MODES:
        cutout = propmat.rembg.remove(content, session, mode)
        Path(folder, f"{mode}.png").write_bytes(cutout)
        picture = read(io.BytesIO(cutout))
        alpha = picture.alpha / np.iinfo(picture.alpha.dtype).max
        mixed[mode] = float(np.mean((alpha > 0) & (alpha < 1)))
        sheet[mode] = pictures.over(picture.pixels, alpha, pictures.checkerboard(alpha.shape))
    write_image(Path(folder, "with_rembg.png"), pictures.contact_sheet(sheet))
    return mixed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path, help="a photograph")
    parser.add_argument("--model", default="u2net", help="a name of rembg.new_session (%(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("."), help="of the pictures written (%(default)s)")
    arguments = parser.parse_args()
    if arguments.image:
        import rembg

        given = arguments.image.read_bytes(), rembg.new_session(arguments.model)
    else:
        given = flower()
    print(main(arguments.folder, *given))
