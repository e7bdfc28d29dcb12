#!/usr/bin/env python3
"""Fetch the published weights and the original's sample picture, and verify them.

The command is `gait_recognition.fetch`.

    python fetch_models.py --help
"""
import sys

try:
    from gait_recognition.door import enter
except KeyboardInterrupt:                                       # `enter` sees to all that comes after it
    print('fetch_models: interrupted', file=sys.stderr)
    sys.exit(130)

if __name__ == '__main__':
    sys.exit(enter('gait_recognition.fetch', 'fetch_models'))
