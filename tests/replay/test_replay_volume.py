"""Rules of volume hold in replay; bounds, which depend on when it runs, do not."""

from pathlib import Path

from .test_replay_captures import CAPTURES, replay

CAPTURE = CAPTURES / "http-pipelining.pcap"


def test_a_rule_leaves_out_and_a_bound_does_not(tmp_path: Path) -> None:
    """What the rule names makes no record, all else does, however little a second may."""
    everything = replay(CAPTURE).records
    paths = [record["url"]["path"] for record in everything]
    config = tmp_path / "shipper.toml"
    config.write_text(
        "[volume]\nmax_exchanges_per_second = 0.001\nkeep_failures = false\n"
        f'[[volume.rules]]\nname = "first"\naction = "drop"\npaths = ["{paths[0]}"]\n'
    )
    left = [record["url"]["path"] for record in replay(CAPTURE, "--config", str(config)).records]
    assert len(set(paths)) > 1
    assert left == [path for path in paths if path != paths[0]]


def test_alike_are_folded_by_the_capture_s_own_clock(tmp_path: Path) -> None:
    """Every time into the same records; counts and durations are those of the single ones."""
    capture = CAPTURES / "http-range-multiflows.pcap"
    single = replay(capture).records
    assert len(single) == 41
    config = tmp_path / "shipper.toml"
    config.write_text(
        '[record]\nschema_version = "1.2"\n'
        '[[volume.rules]]\nname = "ranges"\naction = "fold"\nwindow = 0.02\n'
    )
    runs = [replay(capture, "--config", str(config)) for _ in range(2)]
    assert runs[0].output == runs[1].output
    folded = runs[0].records
    counts = [record["shipper"].get("fold_count", 1) for record in folded]
    assert sum(counts) == 41
    assert 1 < len(counts) <= 5
    assert max(counts) > 1
    together = sum(
        record["shipper"].get("fold_duration", record["event"]["duration"]) for record in folded
    )
    assert together == sum(record["event"]["duration"] for record in single)
    times = {record["@timestamp"] for record in single}
    for record in folded:
        assert {record["@timestamp"], record["shipper"]["fold_last"]} <= times
        assert record["@timestamp"] <= record["shipper"]["fold_last"]
