"""Screening: who may see what, votes, conflicts, agreement, full texts, and reports under studies."""
