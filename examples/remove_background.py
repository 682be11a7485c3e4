"""Background removal with a mask from a segmentation network: clean the mask, make a trimap, matte, estimate colours.

    python examples/remove_background.py                            the flower of propmat.datasets
    python examples/remove_background.py --image photo.jpg --mask mask.png

Writes cutout.png, with transparency, and sheet.png to look at.
"""

import argparse

import numpy as np
from scipy.ndimage import distance_transform_edt, label

import propmat
from propmat import io, pictures

SPECK = 1e-3  # share of the picture: smaller components and holes are taken for errors of the network


def scaled(pixels):
    """Integers of a file as numbers in [0, 1]."""
    return pixels / np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else pixels


def without_specks(mask):
    """`mask` without its small components."""
    parts, _ = label(mask)
    sizes = np.bincount(parts.ravel())
    return mask & (sizes[parts] > SPECK * mask.size)


def cleaned(mask):
    """`mask` without its small components and small holes."""
    return ~without_specks(~without_specks(mask))


def cut_out(image, mask, width):
    """Straight colours and alpha, (H, W, 4), and the trimap that was used."""
    trimap = propmat.trimap_from_mask(cleaned(mask), width=width)
    alpha = propmat.closed_form(image, trimap)
    colours, _ = propmat.foreground(image, alpha)
    return np.dstack([colours, alpha]), trimap


def sample_mask(sample):
    """A mask like that of a network: its edge is in the middle of the unknown band."""
    return distance_transform_edt(sample.trimap < 1) <= distance_transform_edt(sample.trimap > 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", help="a photograph")
    parser.add_argument("--mask", help="its mask: bright is foreground")
    parser.add_argument("--width", default="1%", help="of the band on either side of the edge (%(default)s)")
    parser.add_argument("--fast", action="store_true", help="a small rendered scene instead of the flower")
    arguments = parser.parse_args()
    if arguments.image:
        image, mask = scaled(io.read_image(arguments.image)), scaled(io.read_matte(arguments.mask)) >= 0.5
    else:
        sample = propmat.datasets.synthetic(0, (120, 160)) if arguments.fast else propmat.datasets.flower()
        image, mask = sample.image, sample_mask(sample)
    cutout, trimap = cut_out(image, mask, arguments.width)
    colours, alpha = cutout[:, :, :3], cutout[:, :, 3]
    composite = pictures.over(colours, alpha, pictures.checkerboard(alpha.shape))
    io.write_image("cutout.png", cutout)
    io.write_image(
        "sheet.png",
        pictures.contact_sheet({"image": image, "mask": 1.0 * mask, "trimap": trimap.labels, "cut-out": composite}),
    )
    print(f"{trimap}\nwrote cutout.png and sheet.png")


if __name__ == "__main__":
    main()
