"""The spec of a run, checked to the last field. Imports no torch, so that server and client load it in milliseconds."""

from copd_engine.spec.domains import DigitImages, DigitVideos, Domain, ReasoningGym
from copd_engine.spec.learning import Opd, Rlvr, Topology
from copd_engine.spec.model import Lora, Merge, Model, Optimizer
from copd_engine.spec.parse import load_yaml, parse_spec, spec_schema
from copd_engine.spec.parts import MAX_STEPS, FieldError, SpecError
from copd_engine.spec.run import MAX_SEGMENTS, RESERVED_NAMES, Agreement, Checkpoint, Compute, Evaluation, Expert, Method, RunSpec

__all__ = [
    "MAX_SEGMENTS",
    "MAX_STEPS",
    "RESERVED_NAMES",
    "Agreement",
    "Checkpoint",
    "Compute",
    "DigitImages",
    "DigitVideos",
    "Domain",
    "Evaluation",
    "Expert",
    "FieldError",
    "Lora",
    "Merge",
    "Method",
    "Model",
    "Opd",
    "Optimizer",
    "ReasoningGym",
    "Rlvr",
    "RunSpec",
    "SpecError",
    "Topology",
    "load_yaml",
    "parse_spec",
    "spec_schema",
]
