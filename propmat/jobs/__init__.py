"""Many photographs: on the cores of this machine, in arrays of processes, or on a Dask cluster.

`run` does what is missing of a work list, and `status` tells from the records how far it is; ``propmat batch`` is the
command. A job is a sequence of items and a task (`_contract`); what its records say (`_records`, `_history`) and which
files are there decide what is left to do (`_plan`), by a pool of processes (`_pool`) or a cluster (`_cluster`).
"""

from propmat.jobs._batch import run as run
from propmat.jobs._run import Summary as Summary
from propmat.jobs._status import Status as Status
from propmat.jobs._status import status as status
