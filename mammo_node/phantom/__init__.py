"""Procedural mammograms: one seeded 3D anatomy seen in four views, with exact truth.

Made for the demo, the self-test, the tests and training. Nothing in them comes from a person.

A study is made in three steps, each in a module of its own. `render` takes an anatomy to log
attenuation: tissue, findings that are tissue (asymmetries, thick skin), tissue pulled out of place
(distortion, retraction), masses and clusters, nodes, what is benign, implants, metal on the skin.
`finish` takes one view of it through paddle, blur, noise and film or detector. `dicom` stores what
is shown as the study's vendor would. How a study is taken is one recipe, `look.Look`.

Findings beside masses and clusters (`kinds.SIGNS`; a quarter of the women have one):

- focal and global asymmetry, in both views of one breast: the tissue of a denser breast, grown
  with the same random numbers, blended in within a ragged region; asymmetry, in one view only: the
  same, most often in bands that cross there;
- architectural distortion: tissue drawn to a point and denser there, fine lines radiating from it,
  no mass;
- suspicious axillary nodes, round and dense without a hilum, in the oblique view only;
- thickened skin; retracted skin and nipple, with strands from the dent.

Benign by nature (`kinds.BENIGN`): nodes with a fatty hilum, moles, single, popcorn, rim, rod-like
and strewn calcifications, calcified vessels, and metal markers on the skin (ball, wire, ring).
Masses and clusters, and all signs, are benign- or malignant-looking (`malignant_looking`); of the
first two their shape alone tells which.
One woman in fifty has implants, silicone or saline, displaced in half of these.

Makers (`vendors.VENDORS`; all names are invented, no maker is imitated): six digital ones with
sigmoid windows, linear windows or VOI LUTs, MONOCHROME1 or 2, 10 to 16 bits, with and without
Pixel Padding Value; three film digitisers, one of them 8 bit on a padded square as mini-MIAS is.
On film lie letters, labels, tape, scratches, dust and frames; digitisers add streaks. Some views
show the paddle's edge, some have the nipple cut off, some went through lossy compression. Spot and
magnification views and detector values (For Processing) are made when asked for (`draw_recipe`).

Truth: `PhantomView.lesions` are masses and clusters, `signs` all other findings, `benign` what only
looks like one, `landmarks` nipple, pectoral muscle, breast, implant, gland share and density.
`PhantomLesion.finding` is the name that VinDr-Mammo has for a finding.
"""

from mammo_node.phantom.density import DENSITY_CATEGORIES
from mammo_node.phantom.kinds import BENIGN, CLUSTER, MASS, SIGNS, VINDR_NAMES
from mammo_node.phantom.landmarks import Landmarks
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
