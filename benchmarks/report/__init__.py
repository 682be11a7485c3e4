"""The results of the suite as one page: `page` writes it, `panels` makes its pictures."""
