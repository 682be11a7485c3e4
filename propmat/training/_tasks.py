"""The networks that can be trained, by the names that configurations have for them."""

from propmat.training._dcnn import DcnnTask
from propmat.training._deep_matte_prop_net import DeepMattePropNetTask
from propmat.training._task import Task

TASKS: dict[str, type[Task]] = {
    "dcnn": DcnnTask,
    "deep_matte_prop_net": DeepMattePropNetTask,
}
