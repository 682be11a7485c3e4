"""DiffMatte: any encoder once, and a light decoder that takes noise out of a matte step by step."""
