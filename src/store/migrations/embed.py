#!/usr/bin/env python3
"""Writes the migrations as C: embed.py OUT.c 001_name.sql 002_name.sql …

The text goes in as numbers, since a C string literal may not be this long in strict C.
"""
import os
import re
import sys


def main():
    out, files = sys.argv[1], sys.argv[2:]
    parts = ['#include "migrate.h"\n']
    rows = []
    for number, path in enumerate(files, 1):
        name = os.path.basename(path)
        match = re.fullmatch(r'(\d{3})_[a-z0-9_]+\.sql', name)
        if not match or int(match.group(1)) != number:
            sys.exit(f'{name}: migrations are numbered from 001 without a gap')
        with open(path, 'rb') as f:
            data = f.read()
        numbers = ','.join(str(b) for b in data + b'\0')
        parts.append(f'static const char sql_{number}[] = {{{numbers}}};\n')
        rows.append(f'\t{{"{name[:-4]}", sql_{number}}},\n')
    parts.append('const struct migration migrations[] = {\n' + ''.join(rows) + '};\n')
    parts.append(f'const size_t n_migrations = {len(files)};\n')
    with open(out, 'w') as f:
        f.write(''.join(parts))


main()
