"""Files that land, the contracts they are checked against, and the raw assets made of them."""
