"""Further analyses of a network and all of its figures: the command and declared analyses share them."""
