"""Procedural mammograms: one seeded 3D anatomy seen in four views, with exact truth.

Made for the demo, the self-test, the tests and training. Nothing in them comes from a person.
"""

from mammo_node.phantom.lesion import CLUSTER, MASS, PhantomLesion
from mammo_node.phantom.study import PhantomStudy, PhantomView, generate_study
from mammo_node.phantom.texture import TextureBank

__all__ = [
    "CLUSTER",
    "MASS",
    "PhantomLesion",
    "PhantomStudy",
    "PhantomView",
    "TextureBank",
    "generate_study",
]
