"""`python -m gait_recognition` is the command `gait-recognition`."""
import sys

try:
    from gait_recognition.door import enter
except KeyboardInterrupt:                                       # `enter` sees to all that comes after it
    print('gait-recognition: interrupted', file=sys.stderr)
    sys.exit(130)


def main():
    """Run the command `gait-recognition` to the end of the process; returns its exit status."""
    return enter('gait_recognition.cli', 'gait-recognition')


if __name__ == '__main__':
    sys.exit(main())
