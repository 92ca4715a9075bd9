"""A fleet on paper: the ledger's own policy under a virtual clock, for runs too large to try."""
