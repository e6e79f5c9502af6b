"""One pairwise analysis with everything its options ask for: the same for a table alone and for a review."""
