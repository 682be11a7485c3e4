"""The networks that can be trained, by the names that configurations have for them."""

from __future__ import annotations

import pkgutil

from propmat.training._task import Task

# Module and class, imported when a configuration asks for them.
TASKS = {
    "alphagan": "propmat.training._alphagan:AlphaGANTask",
    "dcnn": "propmat.training._dcnn:DcnnTask",
    "deep_matte_prop_net": "propmat.training._deep_matte_prop_net:DeepMattePropNetTask",
    "diffmatte": "propmat.training._diffmatte:DiffMatteTask",
    "late_fusion": "propmat.training._late_fusion:LateFusionTask",
}


def task_of(network: str) -> type[Task]:
    """What trains the network of a name."""
    task: type[Task] = pkgutil.resolve_name(TASKS[network])
    return task
