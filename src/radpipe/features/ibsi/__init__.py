"""Image processing and features as the Image Biomarker Standardisation Initiative defines them.

`processing` makes the image and the mask that IBSI asks for, `families` measures what pyradiomics
lacks as further columns of a study, `measurement` the whole of IBSI-1 for the certificate; what it
is compared with is in `phantoms`, `pyradiomics_values` and `sarcomas`. A texture family is one
module that counts a matrix (`cooccurrence`, `runs`, `zones`, `dependence`, `tone`); `counts` and
`textures` turn the matrices into features, in every way of merging them. Levels are integers (z, y,
x) from 1, and 0 outside the region. Source of every definition: Zwanenburg et al., the IBSI
reference manual (arXiv:1612.07003), CC BY 4.0.
"""
