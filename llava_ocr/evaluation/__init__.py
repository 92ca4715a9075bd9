"""How good is it: documents with truth, read by the product itself, compared leaf by leaf, summed up with intervals."""
