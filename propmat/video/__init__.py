"""Sequences and video: trimaps of all frames from those of a few, and mattes that are steady in time.

`run` does both for a clip in files, and ``propmat video`` is the command. `carry` carries trimaps along optical flow
(`flow`), `mattes` makes mattes one frame after another, `joint` is the Laplacian of several frames at once. All need
the extra ``video``.
"""

from propmat.video._flow import flow as flow
from propmat.video._joint import joint as joint
from propmat.video._keys import carry as carry
from propmat.video._mattes import mattes as mattes
from propmat.video._run import Report as Report
from propmat.video._run import run as run
from propmat.video._shot import Progress as Progress
from propmat.video._shot import Uncertain as Uncertain
from propmat.video._sides import CarriedTrimap as CarriedTrimap
