"""`gait-recognition convert`: weights in another form."""
import os
import pathlib

import gait_checkpoints
from gait_recognition.commands.options import add_output
from gait_recognition.console import check_target, print_answer, say
from gait_recognition.weights import load_tensorflow


def convert_arguments(parser):
    add_output(parser)
    parser.add_argument('source', metavar='SOURCE', help='a checkpoint, V1 or V2, or an .npz of weights')
    parser.add_argument('target', type=pathlib.Path, metavar='TARGET',
                        help='.ckpt (V2), or .npz (8 bits a weight, a quarter of the size)')


def convert_command(arguments):
    """Write weights in another form."""
    target = arguments.target
    if target.suffix not in ('.npz', '.ckpt'):
        raise ValueError(f'{target}: weights are written as .npz (8 bits) or .ckpt (a V2 checkpoint)')
    check_target(target)
    if target.exists() or os.path.exists(f'{target}.index'):
        raise FileExistsError(f'{target} is there already: remove it, or take another name')
    source = _located(arguments.source)
    load_tensorflow(arguments.verbose)
    file = gait_checkpoints.WeightsFile(source)
    source, tensors = file.path, file.read(lambda name: True)
    left = [f'{name} ({file.entries[name].type})' for name in file.shapes if name not in tensors]
    if left:
        say(f'{source}: left out what is no numbers: {", ".join(left)}')
    write = gait_checkpoints.write_compact if target.suffix == '.npz' else gait_checkpoints.write_checkpoint
    written = write(target, tensors)
    size = sum(os.path.getsize(path) for path in (written, f'{written}.index', written + gait_checkpoints.DATA_SUFFIX)
               if os.path.isfile(path))
    print_answer(arguments, {'source': source, 'target': written, 'tensors': len(tensors), 'bytes': size},
                 f'{source} -> {written}: {len(tensors)} tensors, {size / 1e6:.1f} MB')
    return 0


def _located(source):
    """The file that SOURCE names; where it is in no such folder, its bare name may be found."""
    try:
        return gait_checkpoints.locate(source)
    except FileNotFoundError as error:
        if not os.path.dirname(source):
            raise
        raise FileNotFoundError(f'{error} A bare name is found wherever weights lie: {os.path.basename(source)}'
                                ) from error
