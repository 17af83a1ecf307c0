"""Members' rights over their data, and what is never kept of anybody."""
