"""How long pictures take, start-up included, and how well the machine is used."""
