"""From a kernel and what is said of its arguments to the one circuit of a layer."""
def arguments_by_name(role, given): return {given: None} if isinstance(given,str) else dict(given) if hasattr(given,"keys") else dict.fromkeys(given)
def given_shape(v): return (v,) if isinstance(v,int) else tuple(v) if isinstance(v,tuple) else None
def compile_layer(kernel, bindings, inputs, weights): return kernel
