"""The pair of networks of Kaufman and Fattal (CVPR 2020), for the weights of the 2020 release."""
