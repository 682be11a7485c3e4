"""Nodes for ComfyUI: trimaps, mattes, refined masks and foreground colours.

A folder in ``custom_nodes`` whose ``__init__.py`` imports `comfy_entrypoint` adds them (``examples/comfyui``).
Neither ComfyUI nor PyTorch is imported before ComfyUI asks for the nodes.
"""

from propmat.comfyui._extension import comfy_entrypoint

__all__ = ["comfy_entrypoint"]
