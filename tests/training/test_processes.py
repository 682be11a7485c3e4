"""Data-parallel training: processes that share each batch end in the weights of one process."""

import json
import subprocess
import sys

import pytest
import torch

from propmat.networks import DCNN, DeepMattePropNet, load_weights
from propmat.training import _processes as processes
from propmat.training import prepare, read_config, train

LAUNCHER = ("-m", "torch.distributed.run", "--standalone")
TOML = """
network = "{network}"
preset = "small"
options = {options}
cache = "problems"
output = "{output}"
data = [{{source = "synthetic", count = 2, shape = [64, 80]}}]
held_out = ["synthetic-1"]

[training]
iterations = {iterations}
batch = 4
rate = {rate}
optimiser = "sgd"
log_every = 2
validate_every = 4
checkpoint_every = 2
{more}
"""
# How far the weights of both ways may lie apart, of their way from the first weights: roundings of single precision
# over four steps, and with a solver, which stops at a residual of 1e-5, steps that differ by as much.
NETWORKS = {
    "dcnn": (DCNN, '{filters = 4, mattes = ["closed_form"]}', "patches = 500", 1e-3, 1e-4),
    "deep_matte_prop_net": (
        DeepMattePropNet,
        '{width = 16, closed_form = true, mattes = ["closed_form"], branches = "surrounded"}',
        "crop = 48",
        1e-1,
        1e-2,
    ),
}
# Of three convolutions with batch normalisation, in one process or in several.
LAYERS = """
import sys
import torch
from torch import distributed, nn
from propmat.training._processes import replicated, share

if len(sys.argv) > 2:
    distributed.init_process_group("gloo")
torch.manual_seed(0)
network = nn.Sequential(*(layer for k in range(3) for layer in (nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.ReLU())))
network, x = network.double(), share(torch.randn(4, 3, 9, 8, dtype=torch.float64))
call = replicated(network)
for _ in range(2):
    found = call(x)
    found.square().mean().backward()
kept = {name: weight.grad for name, weight in network.named_parameters()} | dict(network.named_buffers())
kept["outside of training"] = network.eval()(x[:1])
if not distributed.is_initialized() or distributed.get_rank() == 0:
    torch.save(kept, sys.argv[1])
if distributed.is_initialized():
    distributed.destroy_process_group()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder, network, output="together", iterations=4):
    """A configuration with its problems made."""
    kind, options, more, rate, _ = NETWORKS[network]
    path = folder / f"{output}-{iterations}.toml"
    given = {"network": kind.name, "options": options, "output": output, "iterations": iterations, "rate": rate}
    path.write_text(TOML.format(**given, more=more))
    prepare(read_config(path))
    return path


def torchrun(config, *more, count=2):
    """The command of training in several processes."""
    launcher = [sys.executable, *LAUNCHER, f"--nproc-per-node={count}"]
    command = [*launcher, "-m", "propmat.training", config.name, "--device", "cpu", *more]
    return subprocess.run(command, cwd=config.parent, capture_output=True, text=True, timeout=300)


def test_statistics_of_batch_normalisation_are_of_the_joint_batch(folder):
    (folder / "layers.py").write_text(LAYERS)
    for name, launched in (("alone", []), ("together", [*LAUNCHER, "--nproc-per-node=2"])):
        command = [sys.executable, *launched, "layers.py", f"{name}.pt", *launched[:1]]
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr[-2000:]
    alone, together = (torch.load(folder / f"{name}.pt", weights_only=True) for name in ("alone", "together"))
    torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-12)


def flat(network):
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


@pytest.mark.parametrize("network", NETWORKS)
def test_two_processes_end_in_the_weights_of_one(network, folder):
    kind, *_, tolerance = NETWORKS[network]
    ran = torchrun(written(folder, network))
    assert ran.returncode == 0, ran.stderr[-2000:]
    alone = read_config(written(folder, network, "alone"))
    train(alone, "cpu")
    torch.manual_seed(alone.seed)
    first = flat(alone.build())
    ours, expected = (load_weights(folder / name / "weights.safetensors", kind)[0] for name in ("together", "alone"))
    way, apart = flat(expected) - first, flat(ours) - flat(expected)
    assert way.norm() > 0
    assert apart.norm() <= tolerance * way.norm()
    buffers = dict(ours.named_buffers()), dict(expected.named_buffers())  # statistics of batch normalisation
    torch.testing.assert_close(*buffers, rtol=1e-3, atol=1e-4)
    logs = [
        [json.loads(line) for line in (folder / name / "log.jsonl").read_text().splitlines()]
        for name in ("together", "alone")
    ]
    assert [record["iteration"] for record in logs[0]] == [2, 4, 4]
    for one, other in zip(*logs, strict=True):
        for part in one.keys() & {"losses"}:
            assert one[part] == pytest.approx(other[part], rel=1e-4)


def test_processes_go_on_from_a_checkpoint(folder):
    """Stopped and started again in two processes they end in the same weights as without a stop."""
    config = written(folder, "dcnn", "whole")
    assert torchrun(config).returncode == 0
    stopped = written(folder, "dcnn", "stopped")
    stopping = (
        "import sys; sys.argv[0] = 'train'\n"
        "from propmat.training import _loop, __main__\n"
        "step = _loop.Run.step\n"
        "def stops(run):\n"
        "    if run.iteration == 3: raise SystemExit(7)\n"
        "    step(run)\n"
        "_loop.Run.step = stops\n"
        "__main__.main()\n"
    )
    (folder / "stopping.py").write_text(stopping)
    command = [sys.executable, *LAUNCHER, "--nproc-per-node=2", "stopping.py", stopped.name, "--device", "cpu"]
    assert subprocess.run(command, cwd=folder, capture_output=True, timeout=300).returncode != 0
    assert (folder / "stopped" / "checkpoint.safetensors").exists()
    assert not (folder / "stopped" / "weights.safetensors").exists()
    assert torchrun(stopped).returncode == 0
    whole, again = (
        load_weights(folder / name / "weights.safetensors", DCNN)[0].state_dict() for name in ("whole", "stopped")
    )
    torch.testing.assert_close(again, whole, rtol=0, atol=0)


def test_what_processes_cannot_do_is_told(folder):
    config = written(folder, "dcnn")
    ran = torchrun(config, count=3)
    assert ran.returncode != 0
    assert "propmat: error: batch: takes a multiple of the 3 processes, got 4" in ran.stderr
    ran = torchrun(config, "--prepare")
    assert ran.returncode != 0
    assert "propmat: error: prepare: is for a single process; run it without torchrun" in ran.stderr


def test_one_process_shares_nothing():
    batch = torch.rand(3, 2)
    assert processes.share(batch) is batch
    assert processes.mean(batch) is batch
    assert processes.is_first()
    processes.check_batch(3)
