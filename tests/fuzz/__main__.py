"""`python -m tests.fuzz`: see the package."""
import argparse
import os
import sys

from tests.fuzz import run


def main():
    parser = argparse.ArgumentParser(prog='python -m tests.fuzz', description='Generated inputs, most of them damaged: '
                                     'each must give the right answer or a refusal.')
    parser.add_argument('--minutes', type=float, help='for all kinds together (default: 30, without --count)')
    parser.add_argument('--count', type=int, help='inputs of each kind')
    parser.add_argument('--seed', type=int, default=int.from_bytes(os.urandom(4), 'big'), help='of the first input')
    parser.add_argument('--kinds', nargs='+', choices=run.names_of_kinds(), default=run.names_of_kinds())
    parser.add_argument('--work', nargs=3, metavar=('KIND', 'SEED', 'COUNT'), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        name, seed, count = arguments.work
        return run.work(name, int(seed), int(count))
    if arguments.count == 1 and len(arguments.kinds) == 1:
        return run.work(arguments.kinds[0], arguments.seed, 1)
    minutes = 30.0 if arguments.minutes is None and arguments.count is None else arguments.minutes
    print(f'seed {arguments.seed}')
    return 1 if run.run_all(arguments.kinds, minutes, arguments.seed, arguments.count) else 0


if __name__ == '__main__':
    sys.exit(main())
