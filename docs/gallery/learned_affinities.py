"""
Learn affinities through the solve
==================================

A matte follows from affinities of neighbouring pixels by one linear solve, and the solve has exact gradients
(:py:obj:`propmat.torch`). So a network that predicts affinities can be trained on mattes, through the solve. Network,
loss and scenes are those of :download:`examples/learn_affinities.py <../../examples/learn_affinities.py>`, so
that this script runs in the root of a checkout; the data
are rendered scenes of fur, 24 to train on and 8 to judge by.
"""

# %%
# Training
# --------

import matplotlib.pyplot as plt
import numpy as np
import torch

import propmat.torch
from examples.learn_affinities import SIGMAS, Network, error, from_colours, scenes

torch.set_num_threads(1)  # the pictures are small
torch.manual_seed(0)
image, trimap, truth = scenes(range(24), (62, 84))
network = Network()
steps = 200
optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=steps)
losses = []
for _ in range(steps):
    chosen = torch.randperm(len(image))[:2]
    loss = error(network(image[chosen], trimap[chosen]), trimap[chosen], truth[chosen])
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    losses.append(loss.item())

figure, place = plt.subplots(figsize=(6, 2.6))
place.plot(losses, linewidth=1, alpha=0.4, color="tab:green")
place.plot(np.convolve(losses, np.ones(10) / 10, "valid"), color="tab:green")
place.set(xlabel="step", ylabel="mean error, and its running mean", ylim=(0, None))
place.spines[["top", "right"]].set_visible(False)

# %%
# Scenes that it has not seen
# ---------------------------
# Beside them affinities from colours, exp(-ΔI² / 2σ²), with the σ that is best on these very scenes. The second column
# has the learned affinities of neighbours, dark where they are small: not at every edge of colours, but along the
# animal, its hairs, and the border of the unknown band.

image, trimap, truth = scenes(range(1000, 1008), (62, 84))
with torch.no_grad():
    learned = network(image, trimap)
    sigma = min(SIGMAS, key=lambda sigma: error(from_colours(image, sigma), trimap, truth).item())
    plain = from_colours(image, sigma)
    errors = [error(pair, trimap, truth).item() for pair in (learned, plain)]
    mattes = [propmat.torch.propagate(pair, trimap) for pair in (learned, plain)]

# sphinx_gallery_thumbnail_number = 2
figure, axes = plt.subplots(2, 5, figsize=(9, 2.9))
for number, row in enumerate(axes):
    shown = {
        "image": image[number].permute(1, 2, 0),
        "learned affinities": torch.minimum(learned[0][number][:-1], learned[1][number][:, :-1]) ** 0.25,
        "truth": truth[number],
        "learned": mattes[0][number],
        f"from colours, σ = {sigma}": mattes[1][number],
    }
    for place, (title, picture) in zip(row, shown.items(), strict=True):
        place.imshow(picture, cmap="gray", vmin=0, vmax=1)
        place.set(title=title if number == 0 else "", xticks=[], yticks=[])

print(f"mean error of alpha on unknown pixels: learned {errors[0]:.4f}, from colours {errors[1]:.4f}")
plt.show()
