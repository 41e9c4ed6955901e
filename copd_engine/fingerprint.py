"""What the bits of a result depend on besides the spec: two machines with one fingerprint give an exact run the same bits."""

from __future__ import annotations

import os
import platform

import torch
import transformers


def fingerprint(threads: int) -> str:
    """One line naming the device kind, the CPU's vector instructions, the threads and the versions."""
    if torch.cuda.is_available():
        device = f"{torch.cuda.get_device_name()} cuda {torch.version.cuda}"
    else:
        device = f"cpu {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    return f"{device}, threads {threads}, torch {torch.__version__}, transformers {transformers.__version__}"


def make_deterministic(threads: int) -> None:
    """Sets this process to give the same bits each time: a fixed number of threads, deterministic kernels only."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it, before its first call
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
