"""AlphaGAN: a dilated encoder and a decoder that answers alpha, trained against a discriminator of composites."""
