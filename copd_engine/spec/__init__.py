"""The spec of a run, checked to the last field. Imports no torch, so that server and client load it in milliseconds."""

from copd_engine.spec.domains import Columns, Dataset, DigitImages, DigitVideos, Domain, ReasoningGym
from copd_engine.spec.learning import Adaptive, Opd, Rlvr, Topology
from copd_engine.spec.model import Lora, Merge, Model, Optimizer
from copd_engine.spec.parse import load_yaml, parse_spec, spec_schema
from copd_engine.spec.parts import MAX_STEPS, FieldError, SpecError
from copd_engine.spec.run import (
    MAX_SEGMENTS,
    RESERVED_NAMES,
    Agreement,
    Checkpoint,
    Compute,
    Evaluation,
    Expert,
    Keep,
    KeptRollouts,
    Method,
    RunSpec,
)
from copd_engine.spec.sampling import Sampling
from copd_engine.spec.verifiers import Choice, Exact, Format, Math, Numeric, Plugin, ReasoningGymScorer, Regex, Verifier

__all__ = [
    "MAX_SEGMENTS",
    "MAX_STEPS",
    "RESERVED_NAMES",
    "Adaptive",
    "Agreement",
    "Checkpoint",
    "Choice",
    "Columns",
    "Compute",
    "Dataset",
    "DigitImages",
    "DigitVideos",
    "Domain",
    "Evaluation",
    "Exact",
    "Expert",
    "FieldError",
    "Format",
    "Keep",
    "KeptRollouts",
    "Lora",
    "Math",
    "Merge",
    "Method",
    "Model",
    "Numeric",
    "Opd",
    "Optimizer",
    "Plugin",
    "ReasoningGym",
    "ReasoningGymScorer",
    "Regex",
    "Rlvr",
    "RunSpec",
    "Sampling",
    "SpecError",
    "Topology",
    "Verifier",
    "load_yaml",
    "parse_spec",
    "spec_schema",
]
