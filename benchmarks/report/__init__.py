"""The results of the suite as an HTML page: `page` writes it, `panels` makes its pictures."""
