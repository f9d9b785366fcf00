"""Named protocols on trained weights, and the reports they write."""
