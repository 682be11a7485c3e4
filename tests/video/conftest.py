"""What tests of clips in files share."""

import pytest

from tests.video.scenes import scene, write


@pytest.fixture
def shot(tmp_path, monkeypatch):
    """A folder with frames 101 to 106 in shot, and trimaps of the first and the last in keys; the current directory."""
    monkeypatch.chdir(tmp_path)
    samples = scene(6)
    write(tmp_path / "shot", [sample.image for sample in samples], first=101)
    for number in (101, 106):
        write(tmp_path / "keys", [samples[number - 101].trimap], first=number)
    return samples
