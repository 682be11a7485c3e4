"""propmat's nodes for ComfyUI: copy this folder into ``custom_nodes``."""

from propmat.comfyui import comfy_entrypoint

__all__ = ["comfy_entrypoint"]
