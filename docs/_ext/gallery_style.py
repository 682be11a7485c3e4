"""How figures of the gallery look, set before each script."""

STYLE = {
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "axes.titlesize": 9,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "savefig.facecolor": "white",
}


def reset(gallery_conf: dict[str, object], name: str) -> None:
    """As sphinx-gallery calls it."""
    import matplotlib

    del gallery_conf, name
    matplotlib.rcParams.update(STYLE)
