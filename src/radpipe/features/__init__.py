"""Features of the region of interest: handcrafted ones, their controls and tables, embeddings.

Handcrafted features are pyradiomics'; embeddings are learnt fold by fold. `handcrafted`,
`regions`, `controls`, `table`, `perturbations` and `stability` import no torch, because they run
once a case; `crops` and `encoders` serve the networks. A feature column is named
`<modality>__<image_type>__<class>__<feature>`, after the modality the region unless it is the whole
mask (`CT.ring__…`); shape has no modality and reads `mask__original__shape__<feature>`. A region
that cannot be measured gives missing values and a reason, never zeros.
"""
