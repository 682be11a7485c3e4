"""Print the lowest versions that setup.cfg promises, as pip's constraints: `name==version`, one a line.

Where two lists name the same package, the greater version counts: it is the lowest that both allow.
"""

import configparser
import re
from pathlib import Path

REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[.*\])?\s*(?:>=|==)\s*([0-9.]+)")


def lowest(path: Path) -> dict[str, str]:
    """Of each package the greatest of its lower bounds."""
    config = configparser.ConfigParser()
    config.read(path, encoding="utf-8")
    lists = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    bounds: dict[str, str] = {}
    for line in "\n".join(lists).splitlines():
        if found := REQUIREMENT.match(line.strip()):
            name, version = found.groups()
            bounds[name] = max(bounds.get(name, "0"), version, key=_numbers)
        elif line.strip() and not line.startswith("propmat["):
            raise SystemExit(f"setup.cfg: {line.strip()!r} has no lower bound; takes name>=version")
    return bounds


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


if __name__ == "__main__":
    for name, version in lowest(Path(__file__).parents[1] / "setup.cfg").items():
        print(f"{name}=={version}")
