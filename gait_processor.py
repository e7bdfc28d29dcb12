"""What this machine's processor can, and what follows for TensorFlow: which of its kernels, which precision.

TensorFlow is not loaded here, and no variable is set: `gait_recognition.weights.choose_kernels` sets it, for commands
and scripts.
"""
KERNELS = 'TF_ENABLE_ONEDNN_OPTS'   # read once by TensorFlow, when it is imported
PRECISIONS = ('float32', 'bfloat16')
# On Linux TensorFlow 2.9 and later take oneDNN's kernels by themselves where the processor has any of these.
ONEDNN_BY_ITSELF = {'avx512_vnni', 'avx512_bf16', 'avx_vnni', 'amx_tile', 'amx_int8', 'amx_bf16'}
FASTER_WITH_ONEDNN = 'avx2'     # measured: docs/speed.md
WITH_BFLOAT16 = {'avx512_bf16', 'amx_bf16'}


def processor_flags():
    """What an x86 processor can, a set of the words that Linux has for it; empty elsewhere."""
    try:
        with open('/proc/cpuinfo') as file:
            return set(next((line for line in file if line.startswith('flags')), '').partition(':')[2].split())
    except OSError:
        return set()


def kernels_to_choose(flags, environment):
    """The value of `KERNELS` with which TensorFlow is faster than by itself; None where it is to be left alone.

    Parameters
    ----------
    flags : set of str
        `processor_flags`.
    environment : mapping of str to str
        Whatever a user has set there, stays.
    """
    if KERNELS in environment or FASTER_WITH_ONEDNN not in flags or flags & ONEDNN_BY_ITSELF:
        return None
    return '1'


def is_slow_with_one(flags, environment):
    """Whether one picture takes TensorFlow longer than two here: oneDNN takes other algorithms for it without AVX512.

    Parameters
    ----------
    flags, environment
        As of `kernels_to_choose`.
    """
    own = environment.get(KERNELS, '').strip().lower()
    has_onednn = bool(flags & ONEDNN_BY_ITSELF) if own not in ('0', '1', 'false', 'true') else own in ('1', 'true')
    return has_onednn and 'avx2' in flags and 'avx512f' not in flags


def check_precision(precision):
    """Refuse a precision that does not exist, or that this processor computes only by emulation.

    Raises
    ------
    ValueError
        Neither 'float32' nor 'bfloat16'.
    RuntimeError
        'bfloat16' on a processor without AVX512_BF16 or AMX (as `/proc/cpuinfo` tells).
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is 'float32' or 'bfloat16', got {precision!r}")
    if precision == 'bfloat16' and not processor_flags() & WITH_BFLOAT16:
        raise RuntimeError("precision='bfloat16' needs a processor with AVX512_BF16 or AMX, and /proc/cpuinfo "
                           "shows neither: use precision='float32'")
