"""URLs and header values -> the same without secrets.

What is hidden in a URL, wherever it stands (target, Referer, Location, inside a parameter):

- user info, always;
- the value of a parameter whose name is a secret's, in query, fragment, path segment or behind a
  `;`. From such a value on everything up to the next `&` (in a path: the next `/`) goes, because
  `;` and `#` may be part of it;
- a member of a JSON object in a parameter, by the same names;
- what the operator's path patterns match.

Names are percent-decoded (repeatedly), normalised and case-folded before they are judged. A value
that decodes to a URL is judged as one. What can't be judged within three rounds is masked.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, unquote, unquote_to_bytes

from shipper.errors import ConfigError
from shipper.record.sensitive import Keyed, ParameterSecrets
from shipper.record.settings import MASK, Action

_ROUNDS: Final = 3
_USER_INFO: Final = re.compile(r"([/\\]{2})[^/\\?#]*@")
_HEAD: Final = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.\-]*:)?[/\\]{2,}")
_NO_SLASHES: Final = re.compile(r"[^/\\?#:]*:(?![/\\]{2})[^/\\?#]*@")
_AUTHORITY_END: Final = re.compile(r"[/\\?#]|$")
_GOOD_AUTHORITY: Final = re.compile(r"(?:\[[^\]]*\]|[^:\[\]]*)(?::[0-9]*)?")
_QUERY_START: Final = re.compile(r"[?#]")
_PIECES: Final = re.compile(r"([;#])")
# As most are; the names are as they stand, the values hold nothing that could be a URL or JSON.
_PLAIN: Final = re.compile(r"/[\w\-./~]*\?([\w\-.~]+=[\w\-.~]*(?:&[\w\-.~]+=[\w\-.~]*)*)", re.ASCII)
_NESTED: Final = re.compile(r"[?=%@/\\\"]")
_MEMBER: Final = re.compile(r'"([^"]{1,64})"\s*:\s*')
_MEMBER_VALUE: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{].*|[^,}\]\s"]+', re.DOTALL)
_CHUNK: Final = re.compile(r"[^\s<>]+")
_BARE_USER_INFO: Final = re.compile(r"(?:^|(?<=[=,;]))[^=,;]*@")


def _decode_name(name: str) -> str | None:
    """The name behind a few rounds of percent-encoding; None if there are too many."""
    if "%" not in name and "+" not in name and name.isascii():
        return name
    for _ in range(_ROUNDS):
        raw = unquote_to_bytes(name.replace("+", " ").encode("latin-1", "replace"))
        decoded = raw.decode("utf-8", "replace")
        if decoded == name or "%" not in decoded:
            return decoded
        name = decoded
    return None


class Redactor:
    """Takes the secrets out of URLs and of text that may hold URLs."""

    def __init__(
        self, parameters: ParameterSecrets, keyed: Keyed, path_patterns: Sequence[str] = ()
    ) -> None:
        self._action = parameters.action
        self._keyed = keyed
        self._patterns = [_compiled(pattern) for pattern in path_patterns]

    def url(self, url: str) -> str:
        """A URL, absolute or relative, without its secrets."""
        if not ("=" in url or "@" in url or "%" in url or self._patterns):
            return url
        return url if not self._patterns and self._is_plain(url) else self._url(url, 0)

    def _is_plain(self, url: str) -> bool:
        """Whether it is a path and a query in which nothing is encoded, nested or a secret's."""
        plain = _PLAIN.fullmatch(url)
        if plain is None:
            return False
        pairs = plain[1].split("&")
        return all(self._action(pair[: pair.index("=")]) is Action.KEEP for pair in pairs)

    def authority(self, text: str) -> str:
        """`host:port`, as in Host and in the target of CONNECT, without user info."""
        if "@" in text:
            text = f"{MASK}{text[text.rfind('@') :]}"
        return self.url(text)

    def text(self, value: str) -> str:
        """A header value, without the secrets of the URLs in it."""
        return _CHUNK.sub(self._chunk, value)

    def _chunk(self, match: re.Match[str]) -> str:
        """A piece of a header value between spaces and angle brackets."""
        chunk = match[0]
        if "@" in chunk and "//" not in chunk and "?" not in chunk:
            chunk = _BARE_USER_INFO.sub(f"{MASK}@", chunk)
        return self.url(chunk)

    def _url(self, url: str, depth: int) -> str:
        if depth > _ROUNDS:
            return MASK
        if '"' in url and ":" in url:
            url = self._members(url)
        if "@" in url:
            url = _hide_user_info(url)
        cut = _QUERY_START.search(url)
        if cut is None:
            return self._path(url, depth)
        at = cut.start()
        rest = url[at + 1 :]
        if "=" in rest or "%" in rest or "@" in rest:
            rest = self._parameters(rest, depth)
        return f"{self._path(url[:at], depth)}{url[at]}{rest}"

    def _path(self, path: str, depth: int) -> str:
        for pattern in self._patterns:
            path = _mask_groups(pattern, path)
        if "=" not in path and "%" not in path:
            return path
        path = "/".join([self._pieces(segment, depth) for segment in path.split("/")])
        if self._patterns and "%" in path:
            decoded = shown = unquote(path, encoding="latin-1")
            for pattern in self._patterns:
                shown = _mask_groups(pattern, shown)
            if shown != decoded:
                return quote(shown, safe="/*:;=@", encoding="latin-1")
        return path

    def _parameters(self, query: str, depth: int) -> str:
        """What stands behind the question mark, fragment included."""
        shown = [(chunk, self._pieces(chunk, depth)) for chunk in query.split("&")]
        # What was dropped takes its "&" along; what was empty on the wire stays.
        return "&".join([after for before, after in shown if after or not before])

    def _pieces(self, chunk: str, depth: int) -> str:
        """One `name=value`, or several behind `;` or `#`; all behind a secret's name goes."""
        if ";" not in chunk and "#" not in chunk:
            return self._pair(chunk, chunk, depth)[0]
        parts = _PIECES.split(chunk)
        done: list[str] = []
        at = 0
        for part in parts:
            shown, ended = self._pair(part, chunk[at:], depth)
            done.append(shown)
            if ended:
                break
            at += len(part)
        return "".join(done)

    def _pair(self, piece: str, rest: str, depth: int) -> tuple[str, bool]:
        """(what is shown of `piece`, whether it swallowed all of `rest`, which begins with it)."""
        name, equals, value = piece.partition("=")
        if not equals:
            return (self._nested(piece, depth) if "%" in piece else piece), False
        decoded = _decode_name(name)
        action = Action.MASK if decoded is None else self._action(decoded)
        if action is not Action.KEEP:
            hidden = rest[len(name) + 1 :]
            if not hidden:
                return piece, False
            if action is Action.DROP:
                return "", True
            return f"{name}={self._keyed.replace(hidden, action)}", True
        if _NESTED.search(value):
            value = self._nested(value, depth)
        if "%" in name:
            name = self._nested(name, depth)
        return f"{name}={value}", False

    def _members(self, text: str) -> str:
        """The members of JSON objects; an object or a list goes with all that follows it."""
        done: list[str] = []
        at = 0
        for name in _MEMBER.finditer(text):
            action = self._action(name[1])
            value = _MEMBER_VALUE.match(text, name.end())
            if action is Action.KEEP or value is None or name.start() < at:
                continue
            done += [text[at : name.end()], '"', self._keyed.replace(value[0], action), '"']
            at = value.end()
        return "".join([*done, text[at:]])

    def _nested(self, value: str, depth: int) -> str:
        """A value that may be, or may decode to, something with secrets of its own."""
        if "=" in value or "@" in value or '"' in value:
            value = self._url(value, depth + 1)
        if "%" in value:
            decoded = unquote(value, encoding="latin-1")
            if decoded != value:
                shown = self._url(decoded, depth + 1)
                if shown != decoded:
                    return quote(shown, safe="*", encoding="latin-1")
        return value


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            f"the path pattern {pattern!r} is no regular expression: {error}"
        ) from None


def _hide_user_info(url: str) -> str:
    """Every `//user:password@` with its user info masked."""
    url = _USER_INFO.sub(rf"\1{MASK}@", url)
    no_slashes = _NO_SLASHES.match(url)
    if no_slashes:
        return f"{MASK}@{url[no_slashes.end() :]}"
    head = _HEAD.match(url)
    if head is None:
        return url
    end = _AUTHORITY_END.search(url, head.end())
    authority = url[head.end() : end.start() if end else None]
    # A raw "/", "?" or "#" in a password: what looks like a port is none.
    if not authority.startswith(MASK) and not _GOOD_AUTHORITY.fullmatch(authority):
        return f"{url[: head.end()]}{MASK}{url[url.rfind('@') :]}"
    return url


def _mask_groups(pattern: re.Pattern[str], text: str) -> str:
    """`text` with each group of each match masked; the whole match if there are no groups."""
    spans = [
        match.span(group)
        for match in pattern.finditer(text)
        for group in (range(1, pattern.groups + 1) if pattern.groups else (0,))
        if match.span(group)[0] >= 0
    ]
    for start, end in sorted(set(spans), reverse=True):
        text = f"{text[:start]}{MASK}{text[end:]}"
    return text
