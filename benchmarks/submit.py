"""Mattes of alphamatting.com's eight test images with three trimaps, packed for submission to the site.

    python -m benchmarks.submit --data DIR [--method closed_form] [--output submission.zip]

The archive contains Trimap1/doll.png, ..., Trimap3/troll.png: grey, 8 bits, of the size of the low-resolution images.
DIR is the folder filled by `propmat datasets fetch alphamatting --part test --root DIR`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import zipfile
from pathlib import Path

from tqdm import tqdm

import propmat
from benchmarks.data import sets
from benchmarks.suite import contestants
from benchmarks.suite.worker import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--method", choices=list(contestants.everyone()), default="closed_form")
    parser.add_argument("--output", type=Path, default=Path("submission.zip"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.output.absolute().parent, prefix=".submission") as folder:
        archive = Path(folder) / "submission.zip"
        pack(arguments.data, contestants.everyone()[arguments.method], archive)
        os.replace(archive, arguments.output)
    print(f"{arguments.output}: {arguments.method}")


def pack(data: Path, method: contestants.Method, archive: Path) -> None:
    """Compute the mattes, each written as a file and added to the archive before the next is begun."""
    with zipfile.ZipFile(archive, "w") as members:
        for trimap in (1, 2, 3):
            for sample in tqdm(sets.photographs(data, trimap, "test"), f"Trimap{trimap}", disable=None):
                matte, _ = run(method, sample)
                path = archive.with_name(f"{sample.name}.png")
                propmat.io.write_image(path, matte)
                members.write(path, f"Trimap{trimap}/{path.name}")


if __name__ == "__main__":
    main()
