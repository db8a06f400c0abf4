"""A process's command line -> the same without its secrets, as one text.

What is hidden: the value of an option or of an assignment whose name is a secret's, written behind
it or as the next word; a header's value, by the header's name; the password of `user:password`
behind `-u`; what clients of MySQL, sshpass and redis-cli take for one; and in every other word what
`Redactor` hides in a URL. A word that is a command of its own (`sh -c "..."`) is judged word by
word, and loses its quotes. Too much masked is the lesser evil.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from shipper.record.redact import Redactor
from shipper.record.sensitive import HeaderSecrets, Keyed, ParameterSecrets
from shipper.record.settings import MASK, Action, RecordSettings

_NAMED: Final = re.compile(
    r"(?P<name>-{0,2}[A-Za-z_][\w.\-]*)(?P<between>[=:])(?P<value>.+)", re.DOTALL
)
_OPTION: Final = re.compile(r"-{1,2}[A-Za-z_][\w.\-]*")
_HEADER: Final = re.compile(r"(?P<name>[A-Za-z][\w\-]*):\s*(?P<value>.+)", re.DOTALL)
_USER: Final = frozenset({"-u", "-U", "--user", "--proxy-user", "--username"})
_HEADERS: Final = frozenset({"-H", "--header", "--proxy-header"})
_BARE_HEADER: Final = re.compile(r"[A-Za-z][\w\-]*:")
#: Options of one letter that take a password, by whose they are.
_LETTERS: Final = {
    "-p": re.compile(r"(mysql|mariadb)[a-z\-]*|sshpass"),
    "-a": re.compile(r"(redis|valkey|keydb)-cli"),
}


class CommandLines:
    """Takes the secrets out of command lines, by the rules of parameters and of headers."""

    def __init__(self, settings: RecordSettings) -> None:
        privacy, headers = settings.privacy, settings.headers
        self._parameters = ParameterSecrets(privacy.parameters, privacy.secret_action)
        self._headers = HeaderSecrets(headers.actions, headers.secret_action)
        keyed = Keyed(privacy.key, privacy.key_id)
        self._redactor = Redactor(self._parameters, keyed, privacy.path_patterns)

    def text(self, words: Sequence[str]) -> str:
        """One text, words divided by spaces; each is ISO-8859-1, as headers are."""
        return " ".join(self._shown(words))

    def _shown(self, words: Sequence[str]) -> Iterator[str]:
        program = words[0].rpartition("/")[2] if words else ""
        before = ""
        for word in words:
            yield self._word(word, before, program)
            if _BARE_HEADER.fullmatch(word) and self._is_secret_header(word[:-1]):
                yield MASK  # its value, of as many words as it may be
                return
            before = word

    def _word(self, word: str, before: str, program: str) -> str:
        if (_OPTION.fullmatch(before) and self._secret(before)) or _takes(program, before):
            return MASK
        letter = word[:2]
        if len(word) > len(letter) and _takes(program, letter):
            return f"{letter}{MASK}"
        if (before in _USER or letter == "-u") and ":" in word:
            return f"{word.partition(':')[0]}:{MASK}"
        if before in _HEADERS or letter == "-H":
            return self._header(word)
        if " " in word.strip():
            return self.text(_split(word))
        return self._plain(word)

    def _plain(self, word: str) -> str:
        named = _NAMED.fullmatch(word)
        if named and self._secret(named["name"]) and not named["value"].startswith("//"):
            return f"{named['name']}{named['between']}{MASK}"
        return self._redactor.text(word)

    def _header(self, word: str) -> str:
        option = "-H" if word.startswith("-H") else ""
        header = _HEADER.fullmatch(word.removeprefix(option))
        if header is None:
            return self._plain(word)
        if self._is_secret_header(header["name"]):
            return f"{option}{header['name']}: {MASK}"
        return f"{option}{header['name']}: {self._redactor.text(header['value'])}"

    def _secret(self, name: str) -> bool:
        return self._parameters.action(name.lstrip("-")) is not Action.KEEP

    def _is_secret_header(self, name: str) -> bool:
        return self._headers.action(name) is not Action.KEEP


def _takes(program: str, option: str) -> bool:
    """Whether an option of one letter takes a password."""
    return option in _LETTERS and _LETTERS[option].fullmatch(program) is not None


def _split(command: str) -> list[str]:
    """The words of a command, as a shell sees them where it would take it."""
    try:
        return shlex.split(command)
    except ValueError:
        return re.split(r"[\s'\"]+", command)
