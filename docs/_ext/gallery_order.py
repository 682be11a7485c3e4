"""The order of the gallery: from what a first user meets to what is built on it."""

ORDER = (
    "trimap_width.py",
    "methods.py",
    "colours.py",
    "upsampling.py",
    "strokes.py",
    "layers.py",
    "video_strip.py",
    "learned_affinities.py",
    "jax_scales.py",
)


class Order:
    """The key by which sphinx-gallery sorts file names."""

    def __init__(self, folder: str) -> None:
        del folder

    def __call__(self, name: str) -> int:
        return ORDER.index(name)

    def __repr__(self) -> str:
        return "Order"
