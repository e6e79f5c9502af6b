"""The report: one function a section, one self-contained HTML file; every number comes from the store or a result."""
