"""A rendered animal before a photograph, with its exact matte."""

from __future__ import annotations

from pathlib import Path

from propmat._arithmetic import usual_arithmetic
from propmat.datasets._sample import Sample, trimap_around

PICTURE = Path(__file__).with_name("fur.jpg")
ALPHA = Path(__file__).with_name("fur_alpha.png")
REACH = 6  # pixels by which the unknown band is wider than the fractional pixels


@usual_arithmetic
def fur() -> Sample:
    """Return a furry animal against the light before a meadow, with its true matte.

    The animal was rendered, so that alpha is known, to 0.02 where it is fractional; the meadow is a photograph by
    Clemens Engelhardt (CC0-1.0). Both are free: `fur.txt` beside the files.

    Returns
    -------
    Sample
        ``image`` of shape (600, 560, 3); ``trimap``, unknown within 6 pixels of fractional alpha; ``alpha``.

    Examples
    --------
    >>> from propmat.datasets import fur
    >>> sample = fur()
    >>> sample.image.shape, sample.alpha.shape
    ((600, 560, 3), (600, 560))
    """
    from propmat.io._reading import read_image, read_matte

    alpha = read_matte(ALPHA) / 255
    return Sample("fur", read_image(PICTURE) / 255, trimap_around(alpha, REACH), alpha)
