"""The verbs of `propmat.adjoint` on arrays with leading axes: what PyTorch and JAX call.

In host memory images are solved one after another (`_loop`), each on all cores: eight crops take as long as one image
of as many pixels (`python -m benchmarks.gradients`). On a GPU, which a small image does not fill, they are solved at
once (`_tall`).
"""
