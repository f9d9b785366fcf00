"""The benchmark of completions: medians and ratios of what its processes took."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import reconstruct


def test_medians_and_ratios(tmp_path, monkeypatch, capsys):
    seconds = {
        "-c": iter([9.0, 2.0, 4.0, 3.0]),
        "reconstruct": iter([99.0, 6.0, 5.0, 7.0]),
        "--help": iter([9, 1, 1, 1]),
    }

    lines = []

    def one(line):
        lines.append(line)
        if "--out" in line:
            out = Path(line[line.index("--out") + 1])
            out.mkdir()
            out.joinpath("summary.json").write_text(json.dumps({"seconds": {"load": 1, "sample": 2, "write": 3}}))
        value = next(next(values for word, values in seconds.items() if word in line))
        return value, 2 * value

    monkeypatch.setattr(reconstruct, "run_once", one)
    monkeypatch.setattr(reconstruct, "network_seconds", lambda source: 0.5)
    reconstruct.main(["--input", "my chair.ply", "--repeats", "3", "--json", str(tmp_path / "found.json")])
    assert "my chair.ply" in lines[1]
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["ratio"] == pytest.approx(6.0 / 3.0) and found["ratio_processor"] == pytest.approx(2.0)
    assert found["parts"] == {"load": 1, "sample": 2, "write": 3}
    assert "aim: at most 2" in capsys.readouterr().out


def test_no_turns_are_refused(capsys):
    with pytest.raises(SystemExit):
        reconstruct.main(["--repeats", "0"])
    assert "--repeats must be at least 1" in capsys.readouterr().err
