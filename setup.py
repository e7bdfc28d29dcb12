"""Packaging: the networks as flat modules, one package around them. `pip install -e ".[test]"` to work on it."""
import re
from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
README = HERE / 'README.md'
VERSION = re.search(r"^__version__ = '(.*)'$", (HERE / 'gait_recognition' / '__init__.py').read_text('utf-8'), re.M)[1]

setup(
    name='gait-recognition',
    version=VERSION,
    description='Gait recognition and human pose estimation with deep neural networks, on TensorFlow 2',
    long_description=README.read_text('utf-8') if README.is_file() else '',
    long_description_content_type='text/markdown',
    license='BSD-3-Clause',
    license_files=['LICENSE', 'NOTICE'],
    python_requires='>=3.10',
    packages=find_packages(include=['gait_recognition*']),
    package_data={'gait_recognition.reports': ['templates/*']},
    py_modules=[
        'dummy_pose_estimation',
        'fetch_models',
        'gait_checkpoints',
        'gait_files',
        'gait_layers',
        'gait_network',
        'gait_nn',
        'gait_processor',
        'gait_tables',
        'human_pose_nn',
        'inception_resnet_v2',
        'pose_heat_maps',
        'pose_joints',
        'train_gait',
        'train_pose',
    ],
    # The weights that ship go with the wheel, to where `gait_checkpoints.weight_folders` looks.
    data_files=[('share/gait-recognition/models', [
        'models/README.md', *sorted(glob('models/people*') + glob('models/walkers*'))])],
    entry_points={'console_scripts': ['gait-recognition = gait_recognition.__main__:main']},
    # The lower bounds are tested together on Python 3.10 (.ci/oldest.txt), the newest on 3.13 (.ci/versions).
    install_requires=[
        'tensorflow>=2.15,<2.22',
        'tf-slim>=1.1.0',
        'numpy>=1.26',
        'scipy>=1.11',
        'pillow>=10.4',
        'matplotlib>=3.8',
        'scikit-learn>=1.3',
    ],
    extras_require={
        'video': ['av>=12'],
        'progress': ['tqdm>=4.60'],
        'c3d': ['ezc3d>=1.5'],
        'report': ['jinja2>=3.1'],
        'notebook': ['ipykernel>=6.20', 'nbclient>=0.7'],
        'parquet': ['pyarrow>=14'],
        'postgres': ['psycopg[binary]>=3.1'],
        'encryption': ['sqlcipher3>=0.6.2'],
        'benchmark': ['av>=12', 'motmetrics>=1.4', 'onnxruntime>=1.17', 'tf2onnx>=1.17'],
        'test': ['av>=12', 'hypothesis>=6.100', 'jinja2>=3.1', 'psycopg[binary]>=3.1', 'pyarrow>=14', 'pytest>=8',
                 'ruff>=0.6', 'setuptools>=70.1', 'sqlcipher3>=0.6.2', 'tqdm>=4.60'],
    },
    classifiers=[
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
