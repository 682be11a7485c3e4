"""A page in a browser on which trimaps are painted and mattes follow, served on the user's own computer.

Needs the extra ``studio``: Starlette, uvicorn and websockets. `docs/studio.md` says how it is used.
"""

from propmat.studio._serve import serve

__all__ = ["serve"]
