"""The systemd unit, as systemd itself reads it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
UNIT = CHECKOUT / "config/systemd/shipper.service"
EXAMPLE = CHECKOUT / "config/systemd/shipper.service.d/credentials.conf"
#: Of 10.0; what was asked for.
EXPOSURE = 3.0


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there: verify looks for it."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/usr/bin/shipper", "/bin/true"))
    return copy


def _verify(unit: Path) -> str:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False
    )
    return done.stderr + (f"exit code {done.returncode}" if done.returncode else "")


def test_systemd_has_nothing_to_say_about_it(unit: Path) -> None:
    """No unknown key, no bad value."""
    assert _verify(unit) == ""


def test_the_example_of_credentials_goes_with_it(unit: Path) -> None:
    """The drop-in alone would not be looked at."""
    folder = unit.with_name(f"{unit.name}.d")
    folder.mkdir()
    shutil.copy(EXAMPLE, folder)
    assert _verify(unit) == ""


def test_a_key_that_does_not_exist_is_found(unit: Path) -> None:
    """The check above can fail."""
    unit.write_text(unit.read_text().replace("UMask=", "UMsak="))
    assert "UMsak" in _verify(unit)


def test_its_exposure_is_low(unit: Path) -> None:
    """`systemd-analyze security`, without a running systemd."""
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE * 10:.0f}"]
    done = subprocess.run([*command, unit], capture_output=True, text=True, check=False)
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert done.returncode == 0
    assert float(found.group(1)) < EXPOSURE
