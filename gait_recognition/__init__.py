"""Everything that uses the two networks: from videos to vectors, names, figures and trained weights.

    from gait_recognition import Gallery, walk_vector

    with Gallery.open('people.gallery', create=True) as gallery:
        gallery.enrol('anna', walk_vector('anna.mp4'))
        print(gallery.identify(walk_vector('who.mp4')).ranking[0])

Where what is:

- `frames` reads videos, pictures, cameras: `sources` finds them, `recordings` and `pictures` decode them, `facts` says
  what is to be known of them; `tracking` finds the walker and cuts the crops; `vectors` describes walks,
  at 25 frames a second (`rates`);
- `people` follows everybody in a scene;
- `watching` names who walks by a camera that goes on, whose frames `live` reads;
- `scorers`, `gallery`, `galleries` compare vectors, decide, and keep them; `evaluation` measures how well;
- `batches` runs anything over many walks, and keeps the answers; `fitness` says how fit a recording is;
- `pose_estimation` gives the joints of pictures and walks, `joint_files` writes them;
- `drawing`, `overlays`, `videos`, `pictures` draw, write and read;
- `quality` says what makes a walk less fit;
- `cycles` measures gaits: cadence, times, lengths, joint angles;
- `weights` says which weights, and opens both networks; `fetch` gets the published ones;
- `walkers` draws synthetic people; `training` trains both networks;
- `reports` shows answers as pages;
- `cli` and `commands` are the command `gait-recognition`.

The networks themselves are modules of their own: `human_pose_nn`, `gait_nn`, `inception_resnet_v2`. The names below are
loaded when they are asked for; none of them loads TensorFlow before weights are needed.
"""
import importlib

__version__ = '2.1.0'
_HOMES = {'read_frames': 'frames', 'crop_walker': 'tracking.crops', 'walk_vector': 'vectors', 'GaitVectors': 'vectors',
          'Gallery': 'gallery', 'evaluate': 'evaluation.results', 'poses': 'pose_estimation',
          'watch': 'watching'}
__all__ = [*_HOMES]


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(f'{__name__}.{_HOMES[name]}'), name)


def __dir__():
    return sorted([*globals(), *__all__])
