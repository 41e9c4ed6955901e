"""What a run will take, before it is one: parameters, memory of a worker, tokens and time. No torch; pure but for the headers it reads."""

from server.estimates.memory import Memory, memory_of
from server.estimates.size import ModelSize, SizeUnknownError, lora_parameters, model_size
from server.estimates.time import Measured, Work, seconds_of, token_counter, training_tokens

__all__ = [
    "Measured",
    "Memory",
    "ModelSize",
    "SizeUnknownError",
    "Work",
    "lora_parameters",
    "memory_of",
    "model_size",
    "seconds_of",
    "token_counter",
    "training_tokens",
]
