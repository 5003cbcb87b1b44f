"""From a circuit and an engine to what the kernel returns: values, samples, errors, derivatives."""
