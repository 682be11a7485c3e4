"""The nodes as classes of ComfyUI's API, version 3, which is imported when ComfyUI asks for them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from propmat.comfyui._nodes import NODES, Node, Port
from propmat.errors import MissingDependencyError

CATEGORY = "image/matting"


async def comfy_entrypoint() -> Any:
    """The extension that ComfyUI loads; called by ComfyUI.

    Returns
    -------
    comfy_api.latest.ComfyExtension
        Its nodes are *Trimap from Mask*, *Matte from Trimap*, *Refine Mask*, *Upsample Mask* and *Foreground Colours*.

    Raises
    ------
    MissingDependencyError
        Outside ComfyUI. It is an ImportError.

    Examples
    --------
    The ``__init__.py`` of a folder in ``custom_nodes``:

    >>> from propmat.comfyui import comfy_entrypoint
    """
    try:
        from comfy_api.latest import ComfyExtension, io
    except ImportError:
        raise MissingDependencyError(
            "comfy_entrypoint: is called by ComfyUI, of which comfy_api.latest cannot be imported"
        ) from None

    class Extension(ComfyExtension):
        async def get_node_list(self) -> list[type]:
            return [_class(io, node) for node in NODES]

    return Extension()


def _class(io: ModuleType, node: Node) -> type:
    """A node as ComfyUI defines them: a class that is never instantiated."""

    class Made(io.ComfyNode):  # type: ignore[name-defined]
        @classmethod
        def define_schema(cls) -> Any:
            return io.Schema(
                node_id=node.name,
                display_name=node.shown,
                category=CATEGORY,
                description=node.about,
                inputs=[_input(io, port) for port in node.inputs],
                outputs=[
                    getattr(io, port.kind).Output(display_name=port.name, tooltip=port.tooltip) for port in node.outputs
                ],
            )

        @classmethod
        def execute(cls, **inputs: Any) -> Any:
            return io.NodeOutput(*node.function(**inputs))

    Made.__name__ = Made.__qualname__ = node.name
    return Made


def _input(io: ModuleType, port: Port) -> Any:
    return getattr(io, port.kind).Input(port.name, tooltip=port.tooltip, **(port.settings or {}))
