"""Draw `dummy.jpg`, the picture that `dummy_pose_estimation.py` reads: a synthetic walker.

    python images/draw_dummy.py
"""
import pathlib
import sys

from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
SEED = 500_012          # from `samples.TEST_SEED` on: never trained on; in profile, in mid-stride, every limb in sight
SIDE = 598              # pixels, twice the network's

if __name__ == '__main__':
    sys.path.insert(0, str(HERE.parent))
    from gait_recognition.walkers.pictures import picture
    Image.fromarray(picture(SEED, SIDE, 'N').image).save(HERE / 'dummy.jpg', quality=95)
