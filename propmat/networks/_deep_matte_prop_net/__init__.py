"""DeepMattePropNet: two branches learn features, pairs of them affinities, and a solve propagates the trimap."""

from propmat.networks._deep_matte_prop_net._matte import deep_matte_prop_net
from propmat.networks._deep_matte_prop_net._network import DeepMattePropNet

__all__ = ["DeepMattePropNet", "deep_matte_prop_net"]
