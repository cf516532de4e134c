"""The blur kernel from a picture alone: estimated by a network, refined, the best one chosen."""
