"""Training samples made where the network trains, by PyTorch: hundreds a second on a GPU."""
