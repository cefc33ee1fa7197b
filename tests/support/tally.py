#!/usr/bin/env python3
"""Counts the test cases in a log of `meson test`, and shows how the failed ones ended.

    tally.py meson-logs/SUITE.json    last line: PASSED FAILED SKIPPED

A program that reports its cases (cmocka, unittest) counts by them, any other as one. A program
that failed without a failed case (a leak, a crash, a timeout) counts as one failure.
"""
import json
import re
import sys

TAIL_LINES = 60


def number(pattern, text):
    found = re.findall(pattern, text, re.M)
    return int(found[-1]) if found else 0


def cases(output):
    """(passed, failed, skipped) as the program itself says, or None."""
    if re.search(r'^\[==========\] ', output, re.M):  # cmocka
        return (number(r'^ *\[  PASSED  \] (\d+) test', output),
                number(r'^ *\[  FAILED  \] (\d+) test', output),
                number(r'^ *\[  SKIPPED \] (\d+) test', output))
    if re.search(r'^Ran \d+ tests? in ', output, re.M):  # unittest
        summary = re.findall(r'^(?:OK|FAILED)(?: \((.*)\))?$', output, re.M)
        told = dict(re.findall(r'([a-z ]+)=(\d+)', summary[-1])) if summary else {}
        failed = int(told.get('failures', 0)) + int(told.get('errors', 0))
        skipped = int(told.get('skipped', 0))
        ran = number(r'^Ran (\d+) tests? in ', output)
        return max(0, ran - failed - skipped), failed, skipped
    return None


def tally(test):
    output = test.get('stdout', '') + '\n' + test.get('stderr', '')
    good, skip = test['result'] in ('OK', 'EXPECTEDFAIL'), test['result'] == 'SKIP'
    passed, failed, skipped = cases(output) or (int(good), 0, int(skip))
    if not good and not skip and failed == 0:
        failed = 1
    return passed, failed, skipped


def show(test):
    print(f'--- {test["name"]}: {test["result"]}, status {test.get("returncode")}, '
          f'{test["duration"]:.1f} s')
    for part in ('stdout', 'stderr'):
        lines = test.get(part, '').splitlines()
        if len(lines) > TAIL_LINES:
            print(f'… {len(lines) - TAIL_LINES} lines of {part} before:')
        print('\n'.join(lines[-TAIL_LINES:]))


def main(path):
    total = [0, 0, 0]
    with open(path, encoding='utf-8') as f:
        for line in f:
            test = json.loads(line)
            counts = tally(test)
            total = [a + b for a, b in zip(total, counts)]
            if counts[1]:
                show(test)
    print(*total)


main(sys.argv[1])
