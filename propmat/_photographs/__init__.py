"""What is done to one photograph in a file: its matte, cut-out or foreground colours.

`_making` has a function for each, which commands for one picture and jobs of many share. `_photograph` holds colours,
depth and profile, `_masks` trimaps and masks, `_method` the method with its settings, `_places` files and streams.
"""
