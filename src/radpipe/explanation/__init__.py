"""Why a model predicts what it predicts: fitted models in, tables and maps out.

A model is seen as a function from rows (or a batch of volumes) to P(y = 1), so that every predictor
can be explained: SHAP and LIME case by case, permutation importance over a cohort, occlusion over a
volume. Explanations describe the model, not the disease.
"""
