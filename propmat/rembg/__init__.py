"""Cut-outs from the masks of rembg's networks: the soft mask is kept as a prior, and colours are estimated.

A session is one of rembg's (`rembg.new_session`), or any object whose ``predict`` takes an image of Pillow and returns
masks of its size. rembg itself is imported only if no session is given. To speed up rembg's own ``alpha_matting``, with
its result, use `propmat.pymatting.install`.
"""

from propmat.rembg._remove import remove

__all__ = ["remove"]
