"""Parts of the simulation that measures the coverage of intervals for cross-validation."""
