"""Rules of volume hold in replay; bounds, which depend on the time, do not."""

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
