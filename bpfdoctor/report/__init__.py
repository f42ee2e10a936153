"""One module a format, each made from `Report` alone."""
