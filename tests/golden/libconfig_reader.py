"""Reads libconfig files: a second reader, independent of libconfig, for the part of the grammar that config/ uses.

Groups become dicts, lists and arrays become lists. Repeated keys are errors; so are @include and strings in several parts,
which config/ does not use.
"""
import re

TOKEN = re.compile(r'''
    (?P<skip>\s+|/\*.*?\*/|//[^\n]*|\#[^\n]*)
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<float>[-+]?\d+(?:\.\d*(?:[eE][-+]?\d+)?|[eE][-+]?\d+))
  | (?P<hex>0[xX][0-9A-Fa-f]+L{0,2})
  | (?P<int>[-+]?\d+L{0,2})
  | (?P<name>[A-Za-z*][-A-Za-z0-9_*]*)
  | (?P<mark>[=:;,{}()\[\]])
''', re.VERBOSE | re.DOTALL)
ESCAPES = {'n': '\n', 't': '\t', 'r': '\r', 'f': '\f'}


class Reader:
    def __init__(self, text, path):
        self.path, self.tokens, self.at = path, [], 0
        position = line = 0
        while position < len(text):
            match = TOKEN.match(text, position)
            if not match:
                raise ValueError(f'{path}:{line + 1}: cannot read {text[position:position + 20]!r}')
            if match.lastgroup != 'skip':
                self.tokens.append((match.lastgroup, match.group(), line + 1))
            line += match.group().count('\n')
            position = match.end()
        self.tokens.append(('end', '', line + 1))

    def fail(self, expected):
        _, text, line = self.tokens[self.at]
        raise ValueError(f'{self.path}:{line}: found {text!r}, expected {expected}')

    def take(self, *marks):
        """Takes and returns the next token if it is one of `marks`, else None."""
        kind, text, _ = self.tokens[self.at]
        if kind == 'mark' and text in marks:
            self.at += 1
            return text
        return None

    def settings(self, closing):
        group = {}
        while True:
            kind, name, _ = self.tokens[self.at]
            if kind == 'end' and closing is None or closing and self.take(closing):
                return group
            if kind != 'name' or name in group:
                self.fail('a new name')
            self.at += 1
            if not self.take('=', ':'):
                self.fail('=')
            group[name] = self.value()
            self.take(';', ',')

    def items(self, closing):
        items = []
        while not self.take(closing):
            if items and not self.take(','):
                self.fail(f', or {closing}')
            items.append(self.value())
        return items

    def value(self):
        opening = self.take('{', '(', '[')
        if opening:
            return self.settings('}') if opening == '{' else self.items({'(': ')', '[': ']'}[opening])
        kind, text, _ = self.tokens[self.at]
        self.at += 1
        if kind == 'string':
            return re.sub(r'\\(.)', lambda m: ESCAPES.get(m.group(1), m.group(1)), text[1:-1])
        if kind == 'float':
            return float(text)
        if kind in ('int', 'hex'):
            return int(text.rstrip('L'), 0 if kind == 'hex' else 10)
        if kind == 'name' and text.lower() in ('true', 'false'):
            return text.lower() == 'true'
        self.at -= 1
        return self.fail('a value')


def read(path):
    with open(path, encoding='utf-8') as file:
        return Reader(file.read(), path).settings(None)
