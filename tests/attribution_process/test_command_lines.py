"""Command lines are redacted by what their words say."""

import pytest

from shipper.record import CommandLines, RecordSettings

_S = "hunter2"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["curl", "-u", f"joe:{_S}", "http://h/"], "curl -u joe:*** http://h/"),
        (["curl", f"-ujoe:{_S}"], "curl -ujoe:***"),
        (["curl", f"http://joe:{_S}@h/?token={_S}&a=1"], "curl http://***@h/?token=***&a=1"),
        (["curl", "-H", f"Authorization: Bearer {_S}"], "curl -H Authorization: ***"),
        (["curl", f"-HX-Api-Key: {_S}", "-H", "Accept: a"], "curl -HX-Api-Key: *** -H Accept: a"),
        (["mysql", f"-p{_S}", "-u", "root"], "mysql -p*** -u root"),
        (["mkdir", "-p", "/a/b"], "mkdir -p /a/b"),
        (["/usr/bin/sshpass", "-p", _S, "ssh", "h"], "/usr/bin/sshpass -p *** ssh h"),
        (["redis-cli", "-a", _S, "ping"], "redis-cli -a *** ping"),
        (["x", "--password", _S, "--port", "80"], "x --password *** --port 80"),
        (["x", f"--db-password={_S}", "--debug=1"], "x --db-password=*** --debug=1"),
        (["env", f"API_KEY={_S}", "HOME=/root", "x"], "env API_KEY=*** HOME=/root x"),
        (["java", f"-Dspring.datasource.password={_S}"], "java -Dspring.datasource.password=***"),
        (["sh", "-c", f"curl --token '{_S}' http://h/"], "sh -c curl --token *** http://h/"),
        (["sh", "-c", f"curl -H 'Cookie: a {_S}' h"], "sh -c curl -H Cookie: *** h"),
        (["sh", "-c", f"it's curl -H Cookie: a {_S}"], "sh -c it s curl -H Cookie: ***"),
        (["nginx: worker process"], "nginx: worker process"),
        (["python", "-m", "http.server", "8000"], "python -m http.server 8000"),
    ],
)
def test_secrets_are_masked_and_nothing_else(words: list[str], shown: str) -> None:
    """Passwords, tokens, keys and credentials in the ways that programs take them."""
    assert CommandLines(RecordSettings()).text(words) == shown
