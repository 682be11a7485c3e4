"""A stand-in for ComfyUI's API, version 3, as it is documented: what nodes may call, and with which arguments."""

import types
from dataclasses import dataclass, field


@dataclass
class Input:
    id: str
    tooltip: str | None = None
    optional: bool = False


@dataclass
class WidgetInput(Input):
    default: object = None


@dataclass
class FloatInput(WidgetInput):
    min: float | None = None
    max: float | None = None
    step: float | None = None
    round: float | None = None


@dataclass
class ComboInput(WidgetInput):
    options: list = field(default_factory=list)


@dataclass
class Output:
    id: str | None = None
    display_name: str | None = None
    tooltip: str | None = None


@dataclass
class Schema:
    node_id: str
    display_name: str
    category: str
    inputs: list
    outputs: list
    description: str = ""


class NodeOutput:
    def __init__(self, *args):
        self.result = args


class ComfyNode:
    """Nodes are classes with these two class methods."""

    @classmethod
    def define_schema(cls):
        raise NotImplementedError

    @classmethod
    def execute(cls, **inputs):
        raise NotImplementedError


class ComfyExtension:
    async def get_node_list(self):
        raise NotImplementedError


def kind(name, of_input):
    return type(name, (), {"Input": of_input, "Output": type(f"{name}Output", (Output,), {})})


io = types.SimpleNamespace(
    ComfyNode=ComfyNode,
    NodeOutput=NodeOutput,
    Schema=Schema,
    Boolean=kind("Boolean", WidgetInput),
    Combo=kind("Combo", ComboInput),
    Float=kind("Float", FloatInput),
    Image=kind("Image", Input),
    Mask=kind("Mask", Input),
)


def modules():
    """`comfy_api` and `comfy_api.latest`, for `sys.modules`."""
    package, latest = types.ModuleType("comfy_api"), types.ModuleType("comfy_api.latest")
    latest.ComfyExtension, latest.io, package.latest = ComfyExtension, io, latest
    return {"comfy_api": package, "comfy_api.latest": latest}
