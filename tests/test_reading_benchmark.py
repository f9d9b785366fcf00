"""The benchmark of reading: what it compares are the clouds that it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks import reading


def test_a_folder_keeps_clouds_of_several_sizes_apart(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(reading, "SMALL", 10)
    monkeypatch.setattr(reading, "peak", lambda *arguments: 0.0)
    read, load = [], np.load

    def seen(path):
        read.append(load(path))
        return read[-1]

    monkeypatch.setattr(reading.np, "load", seen)
    for stored in (40, 70, 40):
        read.clear()
        few = ["--clouds", "20", "--points", "30", "--batch", "5", "--repeats", "1", "--workers", "0"]
        reading.main([*few, "--stored", str(stored), "--folder", str(tmp_path)])
        assert {cloud.shape for cloud in read} == {(stored, 3)}
    assert capsys.readouterr().out.count("20 clouds of 40 points, 30 drawn") == 2


def test_no_turns_are_refused(capsys):
    with pytest.raises(SystemExit):
        reading.main(["--repeats", "0"])
    assert "must be at least 1" in capsys.readouterr().err
