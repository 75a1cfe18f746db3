"""Procedural mammograms: one seeded 3D anatomy seen in four views, with exact truth.

Made for the demo, the self-test, the tests and training. Nothing in them comes from a person.

A study is made in three steps, each in a module of its own. `render` takes an anatomy to log
attenuation: tissue, findings that are tissue (asymmetries, thick skin), tissue pulled out of place
(distortion, retraction), masses and clusters, nodes, what is benign, implants, metal on the skin.
`finish` takes one view of it through paddle, blur, noise and film or detector. `dicom` stores what
is shown as the study's vendor would. How a study is taken is one recipe, `look.Look`.

Truth: `PhantomView.lesions` are masses and clusters, `signs` all other findings, `benign` what only
looks like one, `landmarks` nipple, pectoral muscle, breast, implant, gland share and density.
`PhantomLesion.finding` is the name that VinDr-Mammo has for a finding.
"""

from mammo_node.phantom.kinds import BENIGN, CLUSTER, MASS, SIGNS, VINDR_NAMES
from mammo_node.phantom.landmarks import DENSITY_CATEGORIES, Landmarks
from mammo_node.phantom.lesion import PhantomLesion
from mammo_node.phantom.look import Look
from mammo_node.phantom.study import draw_recipe, generate_study
from mammo_node.phantom.texture import TextureBank
from mammo_node.phantom.vendors import VENDORS
from mammo_node.phantom.view import PhantomStudy, PhantomView

__all__ = [
    "BENIGN",
    "CLUSTER",
    "DENSITY_CATEGORIES",
    "MASS",
    "SIGNS",
    "VENDORS",
    "VINDR_NAMES",
    "Landmarks",
    "Look",
    "PhantomLesion",
    "PhantomStudy",
    "PhantomView",
    "TextureBank",
    "draw_recipe",
    "generate_study",
]
