"""The shipped base: a one-million-parameter vision-language model, and the script that makes it."""
