"""Network definitions: configuration in, Keras model out; no files, no state."""
