"""Features of the windows of the closed form that are not learned: variance of colours, distance to known pixels."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor
from torch.nn import functional

FACTS = 2
VARIANCE_FLOOR = 1e-4  # of noise, for colours in [0, 1]
REACH = 12.0  # pixels; farther inside wide unknown regions, weights that fall on only harm
TYPICAL = (-6.0, 4.0)  # of photographs, so that the facts lie around 0


@torch.no_grad()
def window_facts(image: Tensor, trimap: Tensor) -> Tensor:
    """log(variance of colours in 3 x 3 pixels) and log(1 + squared distance from known pixels), as far as `REACH`.

    Of image (B, 3, H, W) and trimap (B, 1, H, W), (B, 2, H, W), less what is typical of them.
    """
    mean, square = (functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False) for x in (image, image.square()))
    variance = (square - mean.square()).sum(dim=1, keepdim=True).clamp(min=0)
    unknown = (trimap == 0.5).cpu().numpy()
    distance = torch.from_numpy(np.reshape([distance_transform_edt(plane) for plane in unknown[:, 0]], unknown.shape))
    facts = [torch.log(variance + VARIANCE_FLOOR), torch.log1p(distance.to(image).clamp(max=REACH).square())]
    return torch.cat([fact - typical for fact, typical in zip(facts, TYPICAL, strict=True)], dim=1)
