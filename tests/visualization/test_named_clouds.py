"""Which clouds of a data set a sheet shows: every class once before any comes twice, and the rest spread over all."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pointsra.errors import InputFileError
from pointsra.visualization.named_clouds import split_of, spread


class Labeled(SimpleNamespace):
    def __len__(self):
        return len(self.labels)


SPLIT = Labeled(labels=np.array([3, 0, 0, 1, 2, 2, 2, 4, 1, 0]))


@pytest.mark.parametrize("most", range(1, 12))
def test_no_class_is_ahead_of_another_by_more_than_one_cloud_it_could_have(most):
    rows = spread(SPLIT, most)
    assert len(set(rows.tolist())) == len(rows) == min(most, 10)
    labels = SPLIT.labels[rows]
    assert (np.diff(labels) >= 0).all()
    shown, there = np.bincount(labels, minlength=5), np.bincount(SPLIT.labels, minlength=5)
    for label in range(5):
        assert shown[label] >= min(shown.max() - 1, there[label])


def test_where_there_is_no_room_for_all_classes_they_are_spread():
    split = Labeled(labels=np.arange(41))
    assert spread(split, 5).tolist() == [0, 8, 16, 24, 32]


def test_a_set_of_one_s_own_is_shown_if_its_manifest_names_a_split(tmp_path):
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"schema": "pointsra-manifest"}')
    with pytest.raises(InputFileError, match="names no split"):
        split_of(tmp_path)
    manifest.write_text('{"schema": "pointsra-manifest", "splits": {"train": {"file": "train.h5", "count": 16}}}')
    assert split_of(tmp_path) == tmp_path / "train.h5"
