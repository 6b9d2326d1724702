"""Parts of predictors that see images: their networks, their training data, what they mean.

`modelling.cnn` fits and applies them; this package is imported with torch.
"""
