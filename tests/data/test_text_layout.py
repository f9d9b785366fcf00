"""Which columns of a text cloud are x, y and z, by headers in many dresses, and what its commas stand for."""

import numpy as np
import pytest

from pointsra.data.files import read_cloud
from pointsra.errors import InputFileError

POINTS = np.random.default_rng(0).normal(size=(8, 3)).round(6)
X, Y, Z = ([f"{value:.6f}" for value in column] for column in POINTS.T)


def lines(header, sign, *columns):
    """A header, and rows of these columns; one text stands for all rows."""
    columns = [[column] * len(POINTS) if isinstance(column, str) else list(map(str, column)) for column in columns]
    return "\n".join([header, *(sign.join(fields) for fields in zip(*columns, strict=True))]) + "\n"


NUMBERS = range(len(POINTS))
READ = {
    "pandas.csv": lines(",x,y,z", ",", NUMBERS, X, Y, Z),
    "pandas-levels.csv": lines(",,x,y,z", ",", "7", NUMBERS, X, Y, Z),
    "pandas-semicolons.csv": lines(";x;y;z", ";", NUMBERS, X, Y, Z),
    "pandas-semicolon-levels.csv": lines(";;x;y;z", ";", "7", NUMBERS, X, Y, Z),
    "pandas-tabs.txt": lines("\tx\ty\tz", "\t", NUMBERS, X, Y, Z),
    "pandas-mark.csv": "\ufeff" + lines(",x,y,z", ",", NUMBERS, X, Y, Z),
    "pandas-windows.csv": lines(",x,y,z", ",", NUMBERS, X, Y, Z).replace("\n", "\r\n"),
    "pandas-last-empty.csv": lines(",x,y,z,label", ",", NUMBERS, X, Y, Z, ""),
    "units.csv": lines("id,Y [m],X [m],Z [m]", ",", NUMBERS, Y, X, Z),
    "round-units.csv": lines("id,Y(mm), X (mm),Z (mm)", ",", NUMBERS, Y, X, Z),
    "quoted-units.csv": lines('"id";"Y [m]";\'X\' [m];"Z"', ";", NUMBERS, Y, X, Z),
    "blank-units.txt": lines("Y [m] X [m] Z [m]", " ", Y, X, Z),
    "two-words.csv": lines("point id,z,y,x", ",", NUMBERS, Z, Y, X),
    "two-words.txt": lines("point id\tz\ty\tx", "\t", NUMBERS, Z, Y, X),
    "commas-above-blanks.txt": lines("z, y, x", " ", Z, Y, X),
    "blanks-above-commas.txt": lines("z y x", ",", Z, Y, X),
    "both-end-empty.csv": lines("z,y,x,", ",", Z, Y, X, ""),
    "rows-end-empty.csv": lines("z,y,x", ",", Z, Y, X, ""),
    "both-begin-empty.csv": lines(",z,y,x", ",", "", Z, Y, X),
    "tabs-before.txt": lines("\tz\ty\tx", "\t", Z, Y, X),
    "tabs-between.txt": lines("z\ty\tx", "\t\t", Z, Y, X),
    "blanks-above-tabs.txt": lines("z y x", "\t", Z, "", Y, "", X),
    "commas-above-tabs.txt": lines("z,y,x", "\t", Z, "", Y, "", X),
    "mixed.txt": lines("z,y,x;r,g,b", ",", Z, Y, [f"{x};1" for x in X], "2", "3"),
    "comment.txt": lines("# id Z Y X", " ", NUMBERS, Z, Y, X),
    "comment-commas.csv": lines("//id, Z [m], Y [m], X [m]", ",", NUMBERS, Z, Y, X),
    "comment-pandas.csv": lines("#,z,y,x", ",", NUMBERS, Z, Y, X),
    "comment-colon.txt": lines("# columns: z y x", " ", Z, Y, X),
    "sentence.txt": lines("# x y z in meters, from the second scan", " ", X, Y, Z),
    "scattered.txt": lines("# y is up, x to the right and z to the front", " ", X, Y, Z),
    "fewer.txt": lines("# x y z", " ", X, Y, Z, "9"),
    "other-names.csv": lines("a,b,c", ",", X, Y, Z),
}

REFUSED = {
    "fewer-names.csv": lines("x,y,z", ",", NUMBERS, X, Y, Z),
    "fewer-names.txt": lines("x y z", " ", NUMBERS, X, Y, Z),
    "more-names.csv": lines("id,x,y,z", ",", X, Y, Z),
    "more-names-pandas.csv": lines(",x,y,z", ",", X, Y, Z),
    "two-words.txt": lines("point id x y z", " ", NUMBERS, X, Y, Z),
    "two-words-tabs.txt": lines("point id\tx\ty\tz", "\t", "7", NUMBERS, X, Y, Z),
    "empty-between.csv": lines(",x,label,y,z", ",", NUMBERS, X, "", Y, Z),
    "empty-between.txt": lines("\tx\tlabel\ty\tz", "\t", NUMBERS, X, "", Y, Z),
    "commas-above-tabs.txt": lines(",x,y,z", "\t", X, Y, Z),
    "empty-x.csv": lines(",x,y,z", ",", NUMBERS, "", Y, Z),
    "comment.txt": lines("# id z y x", " ", Z, Y, X),
}


@pytest.mark.parametrize("name", READ)
def test_named_columns_are_read(tmp_path, name):
    (tmp_path / name).write_text(READ[name], encoding="utf-8", newline="")
    np.testing.assert_array_equal(read_cloud(tmp_path / name).points, POINTS)


@pytest.mark.parametrize("name", REFUSED)
def test_names_that_do_not_go_with_the_rows_are_refused(tmp_path, name):
    (tmp_path / name).write_text(REFUSED[name])
    with pytest.raises(
        InputFileError, match=r"the header in line 1 .* does not go with the \d values in line 2"
    ) as caught:
        read_cloud(tmp_path / name)
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_an_axis_named_twice_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text(lines("x [px],y [px],x [m],y [m],z [m]", ",", "1", "2", X, Y, Z))
    with pytest.raises(InputFileError, match="line 1 names x more than once"):
        read_cloud(tmp_path / "a.csv")


def test_lines_are_counted_from_the_first_of_the_file(tmp_path):
    (tmp_path / "a.csv").write_text("# by hand\n\n" + lines("x,y,z", ",", NUMBERS, X, Y, Z))
    with pytest.raises(InputFileError, match=r"header in line 3 .* line 4"):
        read_cloud(tmp_path / "a.csv")


def test_colors_are_found_by_names_with_units(tmp_path):
    (tmp_path / "a.csv").write_text(lines(",R [0-255],G [0-255],B [0-255],x,y,z", ",", NUMBERS, "9", "8", "7", X, Y, Z))
    cloud = read_cloud(tmp_path / "a.csv")
    np.testing.assert_array_equal(cloud.points, POINTS)
    np.testing.assert_array_equal(cloud.colors, [[9, 8, 7]] * len(POINTS))


DECIMAL = {
    "tabs.txt": ("0,126\t-0,132\t0,640", [0.126, -0.132, 0.64]),
    "blanks.xyz": ("0,126 -0,132   0,640", [0.126, -0.132, 0.64]),
    "both.xyz": ("  0,126 \t-0,132\t 0,640 ", [0.126, -0.132, 0.64]),
    "exponents.txt": ("1,5e-3 -2,5E+2 1e2", [0.0015, -250, 100]),
    "some-whole.txt": ("0\t-0,132\t7", [0, -0.132, 7]),
    "hole.txt": ("0,5\tnan\t0,25\n1,5 2,5 3,5", [1.5, 2.5, 3.5]),
    "whole-first.txt": ("nan nan 0\n0,5 -3 0,25", [0.5, -3, 0.25]),
    "whole-first.csv": ("nan;nan;0\n0,5;-3;0,25", [0.5, -3, 0.25]),
    "more-columns.txt": ("0,126 -0,132 0,640 255 3,5", [0.126, -0.132, 0.64]),
    "word.txt": ("0,126 -0,132 0,640 leg.01", [0.126, -0.132, 0.64]),
    "word.csv": ("0,126;-0,132;0,640;leg.01", [0.126, -0.132, 0.64]),
    "header.txt": ("\tz\ty\tx\n7\t0,640\t-0,132\t0,126", [0.126, -0.132, 0.64]),
    "header-commas.txt": ("z, y, x\n0,640 -0,132 0,126", [0.126, -0.132, 0.64]),
    "counted.pts": ("1\n0,126 -0,132 0,640", [0.126, -0.132, 0.64]),
}
BETWEEN = {
    "commas.csv": ("1,2,3", [1, 2, 3]),
    "blank-behind.csv": ("1, 2, 3", [1, 2, 3]),
    "blank-before.csv": ("1 ,2 ,3", [1, 2, 3]),
    "blanks-around.csv": ("1 , 2 , 3", [1, 2, 3]),
    "some-blanks.csv": ("1, 2,3", [1, 2, 3]),
    "tabs-behind.csv": ("1,\t2,\t3", [1, 2, 3]),
    "points.csv": ("1.5, 2.5, 3", [1.5, 2.5, 3]),
    "six.csv": ("1, 2, 3, 4, 5, 6", [1, 2, 3]),
    "groups.txt": ("1,2,3 255,0,7", [1, 2, 3]),
    "groups-of-points.txt": ("1.5,2.5,3.5;255,0,7", [1.5, 2.5, 3.5]),
    "group-last.txt": ("1 2 3 255,0,7", [1, 2, 3]),
    "words.csv": ("1,2,3 leg", [1, 2, 3]),
    "comments.csv": ("# 1,5 2.5 3,5\n;; 1,5 2.5 3,5\n1, 2, 3", [1, 2, 3]),
    "later.csv": ("nan nan nan\n1, 2, 3", [1, 2, 3]),
}
TWO_WAYS = {
    "two-columns.txt": "0,126\t-0,132",
    "comma-and-blank.txt": "1,2 3",
    "point-and-comma.txt": "0.126 -0,132 0,640",
    "point-behind.txt": "0,126 -0,132 0,640 0.5",
    "point-and-comma.csv": "0.126;-0,132;0,640",
    "thousands.txt": "500,123.25 4,600,321.50 300.75",
    "whole-thousands.txt": "500,123 4,600,321 300",
    "thousands.csv": "1,234.5;2.0;3.0",
    "group-behind.txt": "0,126 -0,132 0,640 255,0,7",
    "words-behind.txt": "0,126 -0,132 0,640 leg,front",
}


@pytest.mark.parametrize("name", DECIMAL)
def test_commas_within_numbers_are_decimal(tmp_path, name):
    text, point = DECIMAL[name]
    (tmp_path / name).write_text(text + "\n")
    np.testing.assert_array_equal(read_cloud(tmp_path / name).points, [point])


@pytest.mark.parametrize("name", BETWEEN)
def test_commas_between_numbers_separate_them(tmp_path, name):
    text, point = BETWEEN[name]
    (tmp_path / name).write_text(text + "\n")
    np.testing.assert_array_equal(read_cloud(tmp_path / name).points, [point])


@pytest.mark.parametrize("name", TWO_WAYS)
def test_commas_that_read_in_two_ways_are_refused(tmp_path, name):
    (tmp_path / name).write_text("# by hand\n" + TWO_WAYS[name] + "\n")
    with pytest.raises(InputFileError, match="line 2 reads in two ways") as caught:
        read_cloud(tmp_path / name)
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("sign", ["\t", " ", ";"])
def test_decimal_commas_are_parsed_in_bulk(tmp_path, monkeypatch, sign):
    def refuse(*rest):
        raise AssertionError("line by line")

    monkeypatch.setattr("pointsra.data.text_clouds._parse_slowly", refuse)
    (tmp_path / "a.txt").write_text(lines("", sign, X, Y, Z).replace(".", ","))
    np.testing.assert_array_equal(read_cloud(tmp_path / "a.txt").points, POINTS)
