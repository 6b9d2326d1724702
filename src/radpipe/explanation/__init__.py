"""Why a model predicts what it predicts: fitted models in, tables and maps out.

A model is seen as a function from rows (or a batch of volumes) to one number each (a probability, a
value or a risk), so that every predictor of every kind of outcome can be explained: SHAP and LIME
case by case, permutation importance over a cohort, occlusion over a volume. Explanations describe
the model, not the disease.
"""
