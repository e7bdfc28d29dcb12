"""Synthetic walkers: parametric walking figures, their pictures, walks and wide scenes, all with exact joints.

The figure is a chain of body segments moved by published normative joint-angle curves (Fourier series). A `Walker` is
one identity: limb lengths and widths, cadence, stride, amplitudes, phases and offsets of the joint angles, arm swing,
lean, bounce and asymmetry, spread as cited human variation (`norms.HUMAN`). Clothes, hair, skin, background, light and
scale are no part of it: they are drawn anew for every picture and every walk, so that in walks only gait identifies.

- `norms`: what is known of how people walk, with its sources; `gaits`: an identity, and its joints in space;
- `skeletons`: joints of real people, from files; `cycles`: a fit of each walk; `recorded`: the walker of a fit;
  `crowds`: recorded people, and people drawn around them;
- `looks`: clothes, hair, light; `cameras`: where a figure stands, and what camera and file do to the picture;
- `figures`, made of `parts`, and `backgrounds`: drawing them;
- `pictures.picture`: one random walker with exact joints, for training a pose network;
- `scenes.sequence`, `scenes.iter_frames`: one walk of one person, the crop following the figure, for gait training;
- `scenes.scene`, `files.write_scene`: a wide still scene that the figure crosses, for testing a video path;
- `crossings.crossing`, `files.write_crossing`: several people who cross, with everybody's boxes;
- `situations.situation`: walks that trackers find hard, with shadows, things, company, a moving camera.

Everything is deterministic by its seeds. The figures are stand-ins for people: nothing measured on them is a statement
about people.
"""

