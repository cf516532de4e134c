"""Files of weights: their layouts, the official download."""
