"""Pictures for display: composites, checkerboards and labelled contact sheets.

Colours are floating, of any size (values above 1 are brighter than white), or uint8 or uint16, scaled by their maximum.
All functions return floating pictures, except `contact_sheet`.
"""

from propmat.pictures._backgrounds import checkerboard as checkerboard
from propmat.pictures._backgrounds import flat as flat
from propmat.pictures._colours import colours as colours
from propmat.pictures._composite import over as over
from propmat.pictures._contact_sheet import contact_sheet as contact_sheet
from propmat.pictures._resampling import fitted as fitted
from propmat.pictures._resampling import scaled as scaled
