"""Make what Late Fusion was trained on beside rendered foregrounds: backgrounds, and other foregrounds.

    python tools/salient_data.py BACKGROUNDS --lemur DIR --packages DIR --out DIR

BACKGROUNDS is a folder with `credits.csv` (`propmat.datasets.backgrounds`); PACKAGES has a folder for each package of
`tools/salient/pictures.csv` and `panoramas.csv`, which say of what author and licence each picture is:

    for name in lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 plasma-workspace-wallpapers ukui-wallpapers blender-data
    do apt-get download $name && dpkg -x ${name}_*.deb packages/$name; done
    for name in @pmndrs/assets@1.7.0 @lobehub/fluent-emoji-3d@1.1.0
    do mkdir -p packages/${name%@*} && tar -xf $(npm pack -s $name) -C packages/${name%@*}; done
    pip download --no-deps matplotlib && unzip matplotlib-*.whl 'matplotlib/mpl-data/*' -d packages/matplotlib

DIR/backgrounds has pictures in which nothing stands out, crops of them, others blurred beyond recognition, views of
panoramas, patterns and gradients; DIR/held_out has some of other pictures, to validate with. DIR/photographs has
photographs that are cut out by `propmat.closed_form` from outlines drawn by hand, DIR/pictograms Fluent Emoji
(Microsoft, MIT licence), both in the layout of rendered foregrounds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from salient.backgrounds import make_backgrounds
from salient.foregrounds import make_photographs, make_pictograms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backgrounds", type=Path)
    parser.add_argument("--lemur", type=Path, required=True, help="a folder with foreground/lemur.png, alpha/lemur.png")
    parser.add_argument("--packages", type=Path, required=True, help="a folder of unpacked packages")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    out = arguments.out
    make_backgrounds(arguments.backgrounds, arguments.packages, out)
    make_photographs(arguments.backgrounds, arguments.packages, arguments.lemur, out / "photographs")
    make_pictograms(
        arguments.packages / "@lobehub/fluent-emoji-3d/package/assets", out / "backgrounds", out / "pictograms"
    )


if __name__ == "__main__":
    main()
