"""Reading and writing reference formats, forms of CSV and XLSX, and the identifiers inside them."""
