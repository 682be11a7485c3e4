r"""Errors of a matte against the truth: the four measures in use, and two for sequences.

The definitions are those of the reference code that goes with Xu et al. [2]_, after Rhemann et al.
[1]_, which published tables are computed with. They count unknown pixels only: :math:`U` below is the
set of pixels that are unknown in the trimap, :math:`\alpha` the matte and :math:`\alpha^*` the truth,
both in [0, 1].

Mattes are not altered. `sad` and `mse` do not depend on pixels outside :math:`U`; `gradient` and
`connectivity` do, and are comparable with published numbers only if `alpha` is 0 or 1 where the
trimap says so, as what propmat's methods return is. For other mattes these two and `evaluate` give a
`PropmatWarning`; ``np.where(unknown, alpha, foreground)`` makes them comparable. The truth is not
altered either, even where it contradicts its trimap, as it does in a few published data sets.

Published numbers are of mattes rounded to 8 bits. A matte of floating-point numbers is not rounded
here.

References
----------
.. [1] C. Rhemann, C. Rother, J. Wang, M. Gelautz, P. Kohli, P. Rott: A Perceptually Motivated
   Online Benchmark for Image Matting. CVPR 2009.
.. [2] N. Xu, B. Price, S. Cohen, T. Huang: Deep Image Matting. CVPR 2017.
   https://arxiv.org/abs/1703.03872
"""

from propmat.metrics._connectivity import connectivity as connectivity
from propmat.metrics._differences import mse as mse
from propmat.metrics._differences import sad as sad
from propmat.metrics._evaluation import evaluate as evaluate
from propmat.metrics._evaluation import per_pixel as per_pixel
from propmat.metrics._gradient import gradient as gradient
from propmat.metrics._motion import messddt as messddt
from propmat.metrics._sequences import dtssd as dtssd
