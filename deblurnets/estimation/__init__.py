"""The blur kernel from a picture alone: the network's estimates, refined, and the best one chosen."""
