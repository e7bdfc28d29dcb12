"""What can be wrong with a gallery, one error for each kind."""


class FingerprintError(ValueError):
    """The vectors come from other weights than the gallery's (than the default ones where nobody said from which)."""


class GalleryFileError(ValueError):
    """The file is no gallery, one of a newer program, or a damaged one."""


class GalleryLockedError(RuntimeError):
    """Another process has been changing the gallery for longer than this one waits."""


class GalleryReadOnlyError(RuntimeError):
    """The gallery was opened to ask, not to change."""


class DuplicateWalkError(ValueError):
    """The same recording, or the very same vector, is in the gallery already."""
