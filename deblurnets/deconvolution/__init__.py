"""The sharp picture from a blurry one and its known kernel: a prior by hand, then a network."""
