"""DeepMattePropNet: two branches learn features, pairs of them affinities, and a solve propagates the trimap."""
