#!/usr/bin/env python3
"""Fetch the published weights and the original's sample picture, and verify them.

The command is `gait_recognition.fetch`.

    python fetch_models.py --help
"""
import sys

from gait_recognition.door import enter

if __name__ == '__main__':
    sys.exit(enter('gait_recognition.fetch', 'fetch_models'))
