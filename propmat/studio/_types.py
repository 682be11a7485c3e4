"""Types of arrays and positions in this package."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]

# Pixels as files hold them: uint8, uint16 or float32.
Pixels: TypeAlias = NDArray[Any]

# x and y in pixels from the upper left corner of the picture.
Point: TypeAlias = tuple[float, float]

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255

# In the layer that is painted on: the label is that of the layer below.
UNPAINTED = 1
