"""Precedence, and each error as its literal line."""

from pathlib import Path

import pytest

from shipper.config import Config, load, parse_pairs
from shipper.errors import ConfigError, UsageError

NOWHERE = Path("/nonexistent/shipper.toml")

WRONG = [
    ('[capture]\nhok = "x"', "FILE: unknown key capture.hok: did you mean capture.hook?"),
    ('[captur]\nhook = "x"', "FILE: unknown key captur.hook: did you mean capture.hook?"),
    ('hook = "x"', "FILE: unknown key hook: did you mean capture.hook?"),
    ("zzz = 1", "FILE: unknown key zzz: docs/configuration.md lists all keys"),
    ("capture = 3", "FILE: capture is a table: give its keys, below [capture]"),
    ('[capture]\nhook = "x"', 'FILE: capture.hook: got "x", allowed: cgroup or interface'),
    ("[capture]\nworkers = 9", "FILE: capture.workers: got 9, at most 8 is allowed"),
    ('[capture]\nworkers = "a"', 'FILE: capture.workers: got "a", a whole number is needed'),
    ("[capture]\nroles = []", "FILE: capture.roles: got [], at least one is needed"),
    (
        "[capture]\nring_bytes = 5000",
        "FILE: capture.ring_bytes: got 5000, a power of two of at least 4096 is needed, as in 4MiB",
    ),
    (
        '[capture.include]\ncidrs = ["10.0.0.1/8"]',
        (
            'FILE: capture.include.cidrs: got "10.0.0.1/8", a network in CIDR form is needed, '
            "as in 10.0.0.0/8 or fd00::/8, host bits zero"
        ),
    ),
    (
        "[capture.include]\nports = [0]\n[http]\nidle_timeout = -1",
        "FILE: capture.include.ports: got 0, a port is 1 to 65535 (and 1 more)",
    ),
    ('output = ["nix"]', 'FILE: output: got "nix", "kafka", "stdout" or "file:PATH" is needed'),
    ("[kafka]\nx.y = [[1]]", "FILE: kafka: x.y needs a text, a number, true or false"),
    ('[privacy]\nclient_ip = "hash"', "FILE: privacy: hashing needs hash_key or hash_key_file"),
    (
        '[privacy]\nhash_key = "geheim"',
        "FILE: privacy: hash_key is too short: at least 16 characters",
    ),
    ("[privacy]\nhash_key = 4711", "FILE: privacy.hash_key: text is needed"),
    ("a = = 3", "FILE is no valid TOML: invalid value (at line 1, column 5)"),
]


@pytest.mark.parametrize(("text", "line"), WRONG)
def test_wrong_file_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    """Where, which key, what was given, what is allowed."""
    file = tmp_path / "shipper.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(str(file), environ={})
    assert str(error.value).replace(str(file), "FILE") == line
    assert error.value.exit_code == 78


def test_wrong_environment_names_the_variable() -> None:
    """An operator looks for the variable, not for the key."""
    with pytest.raises(ConfigError) as error:
        load(environ={"SHIPPER_CAPTURE__WORKRS": "2"}, default_path=NOWHERE)
    assert str(error.value) == (
        "$SHIPPER_CAPTURE__WORKRS: unknown key capture.workrs: did you mean capture.workers?"
    )


def test_wrong_flag_says_so() -> None:
    """So does the command line."""
    with pytest.raises(ConfigError) as error:
        load(environ={}, flags={"capture.hook": "tc"}, default_path=NOWHERE)
    assert str(error.value) == (
        'the command line: capture.hook: got "tc", allowed: cgroup or interface'
    )


def test_missing_file_is_one_line() -> None:
    """A file that was named has to be there."""
    with pytest.raises(ConfigError) as error:
        load("/nonexistent/a.toml", environ={})
    assert str(error.value) == (
        "can't read the configuration /nonexistent/a.toml (No such file or directory): "
        "check the path and its rights"
    )


def test_later_source_wins(tmp_path: Path) -> None:
    """Defaults < file < environment < flags, key by key."""
    file = tmp_path / "shipper.toml"
    file.write_text('[capture]\nhook = "interface"\nworkers = 2\nflow_table = 1000\n')
    config = load(
        environ={
            "SHIPPER_CONFIG": str(file),
            "SHIPPER_CAPTURE__WORKERS": "3",
            "SHIPPER_CAPTURE__FLOW_TABLE": "2000",
        },
        flags={"capture.flow_table": "3000", "capture.hook": None},
    )
    capture = config.capture
    assert (capture.hook, capture.workers, capture.flow_table) == ("interface", 3, 3000)


def test_default_file_may_be_missing() -> None:
    """Without any source the defaults hold."""
    assert load(environ={}, default_path=NOWHERE) == Config()


def test_environment_writes_lists_tables_and_dots() -> None:
    """The one rule for variables, and strangers with our prefix left alone."""
    config = load(
        environ={
            "SHIPPER_CAPTURE__INCLUDE__PORTS": "80,443",
            "SHIPPER_KAFKA__BOOTSTRAP_SERVERS": "a:1,b",
            "SHIPPER_OUTPUT": "stdout,file:/x",
            "SHIPPER_PRIVACY__HEADERS": "X-A=drop,x-b=keep",
            "SHIPPER_PRIVACY__PATHS": '["a{1,2}"]',
            "SHIPPER_PORT": "tcp://10.0.0.1:80",
        },
        default_path=NOWHERE,
    )
    assert config.capture.include.ports == (80, 443)
    assert dict(config.kafka.settings) == {"bootstrap.servers": "a:1,b"}
    assert config.kafka.bootstrap_servers == ("a:1", "b:9092")
    assert config.output == ("stdout", "file:/x")
    assert config.privacy.headers == {"x-a": "drop", "x-b": "keep"}
    assert config.privacy.paths == ("a{1,2}",)


@pytest.mark.parametrize(
    "text",
    [
        "[kafka]\nlinger.ms = 3\n",
        '[kafka]\n"linger.ms" = 3\n',
        "[kafka.linger]\nms = 3\n",
        '[kafka.settings]\n"linger.ms" = 3\n',
    ],
)
def test_spellings_of_a_kafka_setting(tmp_path: Path, text: str) -> None:
    """TOML reads a dot as a table; all ways of writing mean the same."""
    file = tmp_path / "shipper.toml"
    file.write_text(text)
    assert dict(load(str(file), environ={}).kafka.settings) == {"linger.ms": 3}


def test_secrets_are_never_shown() -> None:
    """Neither in the printed tree nor in its parts."""
    config = load(
        environ={"SHIPPER_KAFKA__SASL_PASSWORD": "geheim" * 3},
        flags={"privacy.hash_key": "streng" * 3},
        default_path=NOWHERE,
    )
    assert "geheim" not in repr(config)
    assert "streng" not in repr(config)
    assert config.kafka.settings["sasl.password"] == "geheim" * 3
    assert config.privacy.read_hash_key() == b"streng" * 3


def test_hash_key_file(tmp_path: Path) -> None:
    """The key from a file, and the lines for one that is short or missing."""
    file = tmp_path / "key"
    file.write_bytes(b"0123456789abcdef\n")
    flags = {"privacy.hash_key_file": str(file)}
    privacy = load(environ={}, flags=flags, default_path=NOWHERE).privacy
    assert privacy.read_hash_key() == b"0123456789abcdef"
    file.write_bytes(b"short")
    with pytest.raises(ConfigError, match="is too short: at least 16 bytes"):
        privacy.read_hash_key()
    file.unlink()
    with pytest.raises(ConfigError, match="No such file"):
        privacy.read_hash_key()


def test_pairs() -> None:
    """`--set KEY=VALUE`; without "=" the command line is wrong."""
    assert parse_pairs(["a.b=c=d"]) == {"a.b": "c=d"}
    with pytest.raises(UsageError) as error:
        parse_pairs(["capture.hook"])
    assert str(error.value) == (
        "--set capture.hook: KEY=VALUE is needed: as in --set capture.hook=interface"
    )
