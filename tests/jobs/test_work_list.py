"""Work lists: patterns, folders and manifests; what is refused before any work."""

import json
import os
import sys

import pytest

import propmat.jobs
from propmat.errors import InputError, MissingDependencyError, PropmatWarning
from propmat.jobs._options import Options
from propmat.jobs._pictures import PictureTask
from propmat.jobs._work_list import state_of, work_list


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ["a.jpg", "b.JPG", "c d{x}%s.png", "notes.txt", ".hidden.jpg", "sub/a.jpg", "sub/deep/z.png"]:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def listed(images, output="out/{name}.png", **patterns):
    items = work_list(images, output, **({"trimaps": "trimaps/{name}.png"} if not patterns else patterns))
    return [(item.name, item.image, item.trimap or item.mask, item.output) for item in items]


@pytest.mark.parametrize("images", ["photos", "photos/", "photos/*.*", "./photos/*.*"])
def test_a_folder_stands_for_its_pictures(photos, images):
    found = listed(images)
    assert [name for name, *_ in found] == ["a", "b", "c d{x}%s"]
    assert found[2] == (
        "c d{x}%s",
        f"{'./' if images[0] == '.' else ''}photos/c d{{x}}%s.png",
        "trimaps/c d{x}%s.png",
        "out/c d{x}%s.png",
    )


@pytest.mark.parametrize(
    ("images", "names"),
    [
        ("photos/*.jpg", ["a"]),
        ("photos/**/*.jpg", ["a", "sub/a"]),
        ("photos/*/*.jpg", ["sub/a"]),
        ("photos/*/deep/*", ["sub/deep/z"]),
        ("photos/{name}.jpg", ["a"]),
        ("photos/*/{name}.jpg", ["a"]),
        ("photos/[ab].*", ["a", "b"]),
        ("*/a.jpg", ["photos/a"]),
        ("photos/a.jpg", ["a"]),
    ],
)
@pytest.mark.filterwarnings("ignore:images. 1 that end in other letters")
def test_names_are_the_part_of_the_path_that_varies(photos, images, names):
    assert [name for name, *_ in listed(images)] == names
    assert [name for name, *_ in listed(str(photos / images))] == names


def test_suffixes_in_other_letters_are_told(photos):
    with pytest.warns(PropmatWarning, match=r"images: 1 that end in other letters than 'photos/\*.jpg' are left out"):
        assert [name for name, *_ in listed("photos/*.jpg")] == ["a"]


@pytest.mark.parametrize("pattern", ["*.png", "{name}.png", "**/*.png", "", "a.png"])
def test_folders_may_have_the_names_of_wildcards(photos, pattern):
    (photos / "my [photos]*").mkdir()
    (photos / "my [photos]*" / "a.png").touch()
    assert [(name, image) for name, image, *_ in listed(f"my [photos]*/{pattern}")] == [("a", "my [photos]*/a.png")]


def test_manifests_of_all_kinds_give_the_same(photos):
    (photos / "m").mkdir()
    rows = [
        {"image": "../photos/a.jpg", "trimap": "t.png", "method": "knn"},
        {"image": "/abs/b.jpg", "mask": "s3://bucket/m.png", "name": "shop/b", "epsilon": 1e-5},
    ]
    (photos / "m" / "list.jsonl").write_text("\n\n".join(map(json.dumps, rows)) + "\n")
    (photos / "m" / "list.csv").write_text(
        '\ufeffimage,trimap,method,mask,name,epsilon\n../photos/a.jpg,t.png,knn,,a,\n\n"/abs/b.jpg",,,s3://bucket/m.png,shop/b,1e-05\n',
        encoding="utf-8",
    )
    manifests = ["m/list.csv"]
    rows[0]["name"] = "a"
    (photos / "m" / "list.jsonl").write_text("\n\n".join(map(json.dumps, rows)) + "\n")
    manifests.append("m/list.jsonl")
    found = [list(work_list(manifest, "out/{name}.png")) for manifest in manifests]
    for items in found:
        assert [item.name for item in items] == ["a", "shop/b"]
        assert [item.image for item in items] == ["m/../photos/a.jpg", "/abs/b.jpg"]
        assert [item.trimap for item in items] == ["m/t.png", None]
        assert [item.mask for item in items] == [None, "s3://bucket/m.png"]
        assert [item.settings for item in items] == [(("method", "knn"),), (("epsilon", "1e-05"),)]
        assert items[1].output == "out/shop/b.png"
    assert [item.key for item in found[0]] == [item.key for item in found[1]]


def test_manifests_of_parquet(photos):
    """The same as of rows, with the types that tables have: numbers with gaps, categories, two groups of rows."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {
        "image": pyarrow.array(["a.jpg", "b.jpg", "c.jpg"]).dictionary_encode(),
        "trimap": ["t.png", None, ""],
        "mask": pyarrow.array([None, "m.png", "m.png"], pyarrow.large_string()),
        "radius": [2, 3, None],
        "depth": [16.0, float("nan"), 8.0],
        "epsilon": pyarrow.array([1e-5, None, 1e-7], pyarrow.float64()),
    }
    (photos / "m").mkdir()
    parquet.write_table(pyarrow.table(columns), photos / "m" / "list.parquet", row_group_size=2, compression="zstd")
    items = list(work_list("m/list.parquet", "out/{name}.png"))
    rows = [
        {"image": "m/a.jpg", "trimap": "m/t.png", "radius": "2", "depth": "16.0", "epsilon": "1e-05"},
        {"image": "m/b.jpg", "mask": "m/m.png", "radius": "3"},
        {"image": "m/c.jpg", "mask": "m/m.png", "depth": "8.0", "epsilon": "1e-07"},
    ]
    for item, row in zip(items, rows, strict=True):
        assert (item.image, item.trimap, item.mask) == (row["image"], row.get("trimap"), row.get("mask"))
        assert dict(item.settings) == {name: row[name] for name in ("radius", "depth", "epsilon") if name in row}
    assert (Options().changed(items[0].settings).radius, Options().changed(items[0].settings).depth) == (2, 16)


def test_damaged_parquet_is_refused(photos):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    for content in (b"", b"PAR1", b"PAR1 no table PAR1"):
        (photos / "list.parquet").write_bytes(content)
        with pytest.raises(InputError, match="images: cannot read the manifest list.parquet"):
            work_list("list.parquet", "out/{name}.png")
    for columns, message in [({"image": [[1]]}, "takes text and numbers, got list"), ({"image": []}, "has no lines")]:
        parquet.write_table(pyarrow.table(columns), photos / "list.parquet")
        with pytest.raises(InputError, match=message):
            work_list("list.parquet", "out/{name}.png")


def test_parquet_needs_pyarrow(photos, monkeypatch):
    (photos / "list.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match="a manifest of Parquet needs pyarrow"):
        work_list("list.parquet", "out/{name}.png")


def test_patterns_take_any_column(photos):
    rows = [
        {"image": f"{shot}/{frame}.exr", "shot": shot, "name": f"{shot}-{frame}"} for shot in "xy" for frame in "12"
    ]
    items = work_list(rows, "out/{shot}/{name}.png", masks="masks/{shot}.png")
    assert [item.mask for item in items] == ["masks/x.png"] * 2 + ["masks/y.png"] * 2
    assert items[3].output == "out/y/y-2.png"
    assert [item.name for item in items[1:3]] == ["x-2", "y-1"]
    with pytest.warns(PropmatWarning, match="the columns shot of the manifest are not used"):
        work_list(rows, "out/{name}.png")


def test_keys_tell_inputs_and_settings_apart():
    row = {"image": "a.png", "trimap": "t.png", "method": "knn"}
    (item,) = work_list([row], "out/{name}.png")
    assert work_list([row], "out/{name}.png")[0].key == item.key
    for change in ({"image": "b/a.png"}, {"trimap": "u.png"}, {"method": "closed_form"}):
        assert work_list([row | change], "out/{name}.png")[0].key != item.key


def test_keys_tell_files_that_were_changed(photos):
    (photos / "t.png").write_bytes(b"1")
    rows = [{"image": "photos/a.jpg", "trimap": "t.png"}, {"image": "photos/b.JPG", "trimap": "none.png"}]
    items = work_list(rows, "out/{name}.png")
    keys = [item.key for item in items]
    assert [item.key for item in items] == keys
    (photos / "t.png").write_bytes(b"22")
    (photos / "none.png").touch()
    changed = [item.key for item in items]
    assert changed[0] != keys[0]
    assert changed[1] != keys[1]
    os.utime(photos / "t.png", ns=(0, 1))  # of the same size
    assert items[0].key != changed[0]


REFUSED = [
    ("none/*.png", {}, "images: there are none at 'none/\\*.png'; takes a pattern, a folder or a manifest"),
    ("photos/{name}-{name}.jpg", {}, "images: takes a pattern with {name} in it once"),
    ("list.csv", {}, "images: there is no manifest list.csv"),
    ([], {}, "images: there are none; takes"),
    ([1], {}, "images: cannot read the rows: "),
    ([{"image": "a.png"}, {"image": ""}], {}, "images: line 2 of the list, counted from 1, has no image"),
    ([{"image": "a.png"}, {"image": "b/a.png"}], {}, "images: a.png and b/a.png have the same name, 'a'"),
    ([{"image": "a.png", "name": "../a"}], {}, "images: a.png has the name '../a'; takes names of files"),
    ([{"image": "a.png", "name": "/a"}], {}, "images: a.png has the name '/a'"),
    ([{"image": "a.png", "name": ""}], {}, "images: a.png has the name ''"),
    ([{"image": "a\nb.png", "name": "a\nb"}], {}, r"images: 'a\\nb.png' has the name 'a\\nb'"),
    ("photos/sub/*.jpg", {"trimaps": "t/{nme}.png"}, "trimaps: 't/{nme}.png' has {nme}; there is image, name"),
    ("photos", {"output": "out.png"}, "output: takes a pattern with {name}, got 'out.png'"),
]


@pytest.mark.parametrize(("images", "patterns", "message"), REFUSED)
def test_what_is_no_work_list_is_refused(photos, images, patterns, message):
    output = patterns.pop("output", "out/{name}.png")
    with pytest.raises(InputError, match=message.replace("{", "\\{").replace("(", "\\(")):
        work_list(images, output, **({"trimaps": "t/{name}.png"} | patterns))


def test_other_things_than_clients_and_folders_are_named(photos):
    with pytest.raises(InputError, match="client: takes a distributed.Client, got"):
        propmat.jobs.run("photos", "out/{name}.png", trimaps="t/{name}.png", client=object())
    with pytest.raises(InputError, match="output: takes the folder of a job or its pattern, got None"):
        propmat.jobs.status(None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("image,image\na,b\n", "two columns of one name"),
        ("image,trimap\na\n", "line 2 has 1 values for 2 columns"),
        ("image\n", "has no lines"),
        ("", "has no lines"),
        ('image\n"a\n', "cannot read the manifest list.csv"),
        (
            "trimap\na\n",
            "there are none at 'list.csv'; takes .* a manifest with a column image; its columns are 'trimap'",
        ),
    ],
)
def test_damaged_manifests_are_refused(photos, content, message):
    (photos / "list.csv").write_text(content)
    with pytest.raises(InputError, match=message):
        work_list("list.csv", "out/{name}.png")


@pytest.mark.parametrize("content", ["[1]", "{", '{"image": ["a"]}', "\xff"])
def test_damaged_json_lines_are_refused(photos, content):
    (photos / "list.jsonl").write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match="cannot read the manifest list.jsonl|takes text and numbers"):
        work_list("list.jsonl", "out/{name}.png")


def test_outputs_take_no_file_of_another(photos):
    rows = [{"image": f"{name}.png", "trimap": "t.png", "name": name} for name in "ab"]
    with pytest.raises(InputError, match="output: a and b would both be written to out/x.png"):
        work_list([row | {"set": "x"} for row in rows], "out/{set}.png").check("alpha")
    with pytest.raises(InputError, match="is also an input, and would be lost; name another folder"):
        work_list(rows, "./{name}.png").check("alpha")
    with pytest.raises(InputError, match="images: a takes one of trimap and mask, as a pattern or a column; got 0"):
        work_list([{"image": "a.png"}], "out/{name}.png").check("alpha")
    with pytest.raises(InputError, match="images: a takes one of trimap and mask, as a pattern or a column; got 2"):
        work_list([{"image": "a.png"}], "out/{name}.png", trimaps="t", masks="m").check("alpha")
    with pytest.raises(InputError, match="images: a takes one of alpha, as a pattern or a column; got 0"):
        work_list([{"image": "a.png"}], "out/{name}.png").check("foreground")
    with pytest.raises(InputError, match="trimaps: does not go with foreground, which takes alpha"):
        work_list([{"image": "a.png"}], "out/{name}.png", trimaps="t").check("foreground")


def test_outputs_take_no_file_of_another_through_links(photos):
    (photos / "other").symlink_to("photos/sub")
    (photos / "out").mkdir()
    (photos / "out" / "a.png").symlink_to("../photos/c d{x}%s.png")
    with pytest.raises(InputError, match="is also an input, and would be lost"):
        work_list("photos/sub/*.jpg", "other/{name}.jpg", trimaps="t/{name}.png").check("alpha")
    row = {"image": "photos/c d{x}%s.png", "trimap": "t.png", "name": "a"}
    with pytest.raises(InputError, match="is also an input, and would be lost"):
        work_list([row], "out/{name}.png").check("alpha")
    rows = [row | {"name": name, "set": folder} for name, folder in (("a", "other"), ("b", "photos/sub"))]
    with pytest.raises(InputError, match="a and b would both be written to photos/sub/x.png"):
        work_list(rows, "{set}/x.png").check("alpha")


def test_columns_lead_to_no_other_folder(photos):
    rows = [{"image": "a.png", "trimap": "t.png", "set": "../../x"}]
    with pytest.raises(InputError, match="output: the column set has '../../x', which leads to another folder"):
        work_list(rows, "out/{set}/{name}.png")


def test_what_rows_lack_is_empty(photos):
    rows = [
        {"image": photos / "a.png", "trimap": None, "mask": "m.png", "epsilon": 1e-5},
        {"image": "b.png", "trimap": "t.png", "mask": float("nan")},
    ]
    first, second = work_list(rows, "out/{name}.png")
    assert (first.image, first.trimap, first.mask) == (str(photos / "a.png"), None, "m.png")
    assert first.settings == (("epsilon", "1e-05"),)
    assert (second.trimap, second.mask, second.settings) == ("t.png", None, ())


def test_a_width_goes_with_masks():
    rows = [{"image": "a.png", "mask": "m.png", "width": "5"}, {"image": "b.png", "trimap": "t.png", "width": ""}]
    items = work_list(rows, "out/{name}.png")
    assert items.kinds() == {((("width", "5"),), True), ((), False)}
    for settings, masked in items.kinds():
        PictureTask().check(settings, masked=masked)
    with pytest.raises(InputError, match="width: goes with --mask"):
        PictureTask().check((("width", "5"),), masked=False)
    assert work_list([{"image": "a.png"}], "out/{name}.png", trimaps="t").kinds() == {((), False)}
    assert work_list([{"image": "a.png"}], "out/{name}.png", masks="m").kinds() == {((), True)}


def test_settings_are_checked_before_any_work():
    for settings, message in [
        ((("method", "magic"),), "method: takes"),
        ((("epsilon", "much"),), "epsilon: takes a number, got 'much'"),
        ((("epsilon", "-1"),), "epsilon: takes"),
        ((("radius", "0"),), "radius: takes a whole number"),
        ((("radius", "2.5"),), "radius: takes a number, got '2.5'"),
        ((("depth", "inf"),), "depth: takes a number, got 'inf'"),
        ((("depth", "12"),), "depth: takes 8 or 16, got 12"),
        ((("method", "large_kernel"), ("radius", "-3")), "radius: takes a whole number"),
        ((("method", "learning_based"), ("epsilon", "nan")), "epsilon: takes"),
        ((("method", "knn"), ("radius", "2")), "radius: the method knn has no such setting"),
        ((("background", "white"),), "background: goes with --what cutout"),
    ]:
        with pytest.raises(InputError, match=message):
            PictureTask().check(settings)
    for settings in [(("radius", "5"),), (("method", "large_kernel"), ("radius", "40")), (("epsilon", "1e-5"),)]:
        PictureTask().check(settings)
    with pytest.raises(InputError, match="width: "):
        PictureTask("alpha", Options(width="wide")).check()


def test_records_lie_beside_the_outputs(photos):
    assert state_of("out/{name}.png") == str(photos / "out/.propmat/{name}.png.job")
    assert state_of("{name}.png") == str(photos / ".propmat/{name}.png.job")
    assert state_of("out/{name}/a.png") == str(photos / "out/.propmat/{name}%2Fa.png.job")
    assert state_of("/x/{name}.png") == "/x/.propmat/{name}.png.job"
    assert state_of("s3://bucket/mattes/{name}.png") == "s3://bucket/mattes/.propmat/{name}.png.job"
